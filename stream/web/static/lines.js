// The moods over the last minutes, a line each, named at its end. A silent window or lost sound breaks the lines.
//
//   const lines = new Lines(element);
//   lines.show({ labels, points, tracks, span, leading })
//
// points: [end, status, level, moods, place]; tracks: where one began, with its name; leading: the moods to draw strongly.

import { clock, draw } from "./dom.js";
import { hueOf } from "./hues.js";

const HEIGHT = 300;
const [TOP, BOTTOM, LEFT, RIGHT] = [12, 26, 46, 92];
const SPACING = 15;
const SHORTEST = 30; // seconds from left to right

export class Lines {
  constructor(parent) {
    this.parent = parent;
    this.picture = draw("svg", { role: "img", class: "chart" });
    parent.append(this.picture);
    new ResizeObserver(() => this.data && this.show(this.data)).observe(parent);
  }

  show(data) {
    this.data = data;
    const { labels, points, tracks, span, leading } = data;
    const width = Math.max(260, this.parent.clientWidth);
    const end = points.length ? points.at(-1)[0] : 0;
    const long = Math.min(span, Math.max(SHORTEST, points.length ? end - points[0][0] : 0));
    const begin = end - long;
    const x = (seconds) => LEFT + ((seconds - begin) / long) * (width - LEFT - RIGHT);
    const y = (thousandths) => TOP + (1 - thousandths / 1000) * (HEIGHT - TOP - BOTTOM);
    const shown = points.filter(([at]) => at >= begin);
    const latest = shown.findLast(([, , , moods]) => moods)?.[3] ?? labels.map(() => 0);
    const order = labels.map((_, index) => index).sort((a, b) => latest[b] - latest[a]);
    const strong = new Set(leading.map((label) => labels.indexOf(label)));

    const grid = draw("g", { class: "grid" });
    for (const share of [0, 500, 1000]) {
      grid.append(draw("path", { d: `M${LEFT} ${y(share)}H${width - RIGHT}` }));
      grid.append(draw("text", { x: LEFT - 7, y: y(share) + 4, class: "end" }, `${share / 10} %`));
    }
    const step = long > 200 ? 60 : long > 80 ? 30 : 10;
    for (let ago = step; ago < long; ago += step) {
      if (x(end - ago) < LEFT + 14) break;
      grid.append(draw("text", { x: x(end - ago), y: HEIGHT - 6, class: "middle" }, `−${clock(ago)}`));
    }
    grid.append(draw("text", { x: x(end), y: HEIGHT - 6, class: "middle" }, "now"));
    for (const { at, track } of tracks.filter((each) => each.at > begin && each.at < end)) {
      grid.append(draw("path", { class: "start", d: `M${x(at).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}` }, draw("title", {}, track ?? "")));
    }

    const lines = draw("g");
    for (const index of [...order].reverse()) {
      const d = way(shown, tracks, index, x, y);
      const kind = strong.has(index) ? "line strong" : "line";
      lines.append(draw("path", { class: `${kind} ${hueOf(labels[index], labels)}`, d }));
    }
    const names = draw("g", { class: "names" });
    const heights = apart(order.map((index) => y(latest[index])));
    order.forEach((index, rank) => {
      const place = { x: width - RIGHT + 12, y: heights[rank] + 4 };
      const kind = strong.has(index) ? "strong" : "";
      names.append(draw("path", { class: `tie ${hueOf(labels[index], labels)}`, d: `M${width - RIGHT + 2} ${y(latest[index]).toFixed(1)}L${width - RIGHT + 9} ${heights[rank]}` }));
      names.append(draw("text", { ...place, class: `${kind} ${hueOf(labels[index], labels)}` }, labels[index].slice(0, 11)));
    });
    this.picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.picture.setAttribute("width", width);
    this.picture.setAttribute("height", HEIGHT);
    this.picture.setAttribute("aria-label", inWords(labels, shown, order, long));
    this.picture.replaceChildren(grid, lines, names);
  }
}

// A track has moods of its own: its line does not go on from the one before.
function way(points, tracks, index, x, y) {
  const parts = [];
  let before = null; // end of the last point of the piece that is being drawn
  for (const [at, , , moods] of points) {
    if (before !== null && tracks.some((track) => track.at > before - 0.1 && track.at < at)) before = null;
    // h0: a piece of one point is a dot.
    if (moods) parts.push(before === null ? `M${x(at).toFixed(1)} ${y(moods[index]).toFixed(1)}h0` : `L${x(at).toFixed(1)} ${y(moods[index]).toFixed(1)}`);
    before = moods ? at : null;
  }
  return parts.join("");
}

// Names next to each other: pushed down until none covers another, then up again where the end is reached.
function apart(heights) {
  const places = [...heights];
  for (let i = 1; i < places.length; i++) places[i] = Math.max(places[i], places[i - 1] + SPACING);
  let most = HEIGHT - BOTTOM;
  for (let i = places.length - 1; i >= 0; i--, most -= SPACING) places[i] = Math.min(places[i], most);
  return places.map((place) => Number(place.toFixed(1)));
}

function inWords(labels, points, order, long) {
  const scored = points.filter(([, , , moods]) => moods);
  if (!scored.length) return "No window has a mood yet.";
  const [first, last] = [scored[0][3], scored.at(-1)[3]];
  const each = order.slice(0, 3).map((index) => `${labels[index]} from ${Math.round(first[index] / 10)} to ${Math.round(last[index] / 10)} percent`);
  return `Lines of ${labels.length} moods over ${clock(long)}: ${each.join(", ")}.`;
}
