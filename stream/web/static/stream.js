// One stream in full: what leads, each mood, the plane, the lines, what happened.
//
//   const view = new StreamView();
//   view.show(row, detail, span)       // from /events; detail holds what is new
//   view.level(-23.1)

import { byId, clock, make, percent, say } from "./dom.js";
import { hueOf } from "./hues.js";
import { Lines } from "./lines.js";
import { Plane, inWords } from "./plane.js";

const FLOOR_DBFS = -60;
const MOST_POINTS = 150;
const MOST_NOTES = 30;
const TRAIL = 24;
const NOTABLE = 250; // thousandths: a mood that is said beside the one that leads
const STATES = { up: ["", ""], down: ["▼", "source down"], ended: ["■", "ended"] };
const WINDOWS = { silence: "silence", gap: "sound was lost" };

export class StreamView {
  constructor() {
    this.plane = new Plane(byId("plane"));
    this.lines = new Lines(byId("lines"));
    this.rows = new Map();
    this.clear();
  }

  clear() {
    this.points = [];
    this.notes = [];
    this.followed = null;
    this.labels = [];
    byId("events").replaceChildren();
    byId("moods").replaceChildren();
    this.rows.clear();
    this.level(null);
  }

  show(row, detail, span) {
    if (detail.reset) this.clear();
    this.detail = detail;
    this.row = row;
    this.span = span;
    this.points = [...this.points, ...detail.points].slice(-MOST_POINTS);
    this.head();
    this.moods();
    this.place();
    this.happened(detail.notes);
    this.chart();
    if (row.state !== "up") this.level(null);
  }

  head() {
    const { row, detail } = this;
    const [sign, words] = STATES[row.state];
    say(byId("name"), row.key || "(no name)");
    say(byId("state"), row.state !== "up" ? `${sign} ${words}` : WINDOWS[row.status] ? `◌ ${WINDOWS[row.status]}` : "");
    byId("state").dataset.state = row.state;
    say(byId("track"), row.track ?? "");
    const [first, ...others] = row.top;
    say(byId("lead"), first ? first[0] : WINDOWS[row.status] ?? "listening …");
    const share = (value) => make("small", {}, ` ${percent(value)} %`);
    if (first) byId("lead").append(share(first[1]));
    const rest = others.filter(([, value]) => value >= NOTABLE);
    const also = rest.map(([mood, value]) => make("span", { class: hueOf(mood, detail.labels) }, mood, share(value)));
    byId("also").replaceChildren(...also);
    const basis = `${detail.windows} ${detail.windows === 1 ? "window" : "windows"} of this track · ${clock(detail.end)}`;
    say(byId("basis"), first ? basis : "The first mood comes after three seconds of sound.");
    byId("one").className = first ? hueOf(first[0], detail.labels) : "";
    document.body.className = byId("one").className;
  }

  moods() {
    const { labels, running, window } = this.detail;
    const best = running ? Math.max(...running) : -1;
    labels.forEach((label, index) => {
      const parts = this.rows.get(label) ?? this.mood(label, labels);
      const [average, now] = [running?.[index], window?.[index]];
      parts.bar.style.setProperty("--share", (average ?? 0) / 1000);
      parts.mark.style.setProperty("--share", (now ?? 0) / 1000);
      parts.mark.hidden = now === undefined;
      say(parts.average, average === undefined ? "–" : percent(average));
      say(parts.now, now === undefined ? "–" : percent(now));
      parts.line.classList.toggle("leads", average === best);
    });
  }

  mood(label, labels) {
    const button = make("button", { type: "button", "aria-pressed": "false" }, make("i", { "aria-hidden": "true" }), make("span", {}, label));
    button.addEventListener("click", () => this.follow(label));
    const [bar, mark] = [make("i", { class: "fill" }), make("b", { class: "mark" })];
    const [average, now] = [make("td", { class: "number" }), make("td", { class: "number now" })];
    const track = make("td", { class: "wide", "aria-hidden": "true" }, make("span", { class: "track-bar" }, bar, mark));
    const line = make("tr", { class: hueOf(label, labels) }, make("th", { scope: "row" }, button), track, average, now);
    byId("moods").append(line);
    const parts = { line, button, bar, mark, average, now };
    this.rows.set(label, parts);
    return parts;
  }

  follow(label) {
    this.followed = this.followed === label ? null : label;
    for (const [name, { button }] of this.rows) button.setAttribute("aria-pressed", String(name === this.followed));
    this.chart();
  }

  place() {
    const place = this.row.plane;
    byId("place").hidden = !place && !this.points.some((point) => point[4]);
    if (!place) return;
    const trail = this.points.map((point) => point[4]).filter(Boolean).slice(-TRAIL);
    this.plane.show([place], trail, `${inWords(place)}: the average of the track.`);
    say(byId("place-text"), inWords(place));
  }

  chart() {
    const { labels } = this.detail;
    const tracks = this.notes.filter((note) => note.kind === "track");
    const leading = this.followed === null ? this.row.top.map(([mood]) => mood) : [this.followed];
    this.lines.show({ labels, points: this.points, tracks, span: this.span, leading });
  }

  happened(news) {
    const list = byId("events");
    if (this.detail.reset) {
      // What happened before is read by those who look for it, not read out.
      list.setAttribute("aria-live", "off");
      setTimeout(() => list.setAttribute("aria-live", "polite"), 1000);
    }
    for (const note of news) {
      list.prepend(this.event(note));
      this.notes.push(note);
    }
    this.notes = this.notes.slice(-MOST_NOTES);
    while (list.childElementCount > MOST_NOTES) list.lastChild.remove();
    byId("no-events").hidden = list.childElementCount > 0;
  }

  event(note) {
    const item = make("li", { class: note.mood ? hueOf(note.mood, this.detail.labels) : "" });
    const [sign, ...words] = wording(note);
    item.append(make("time", { datetime: note.time, title: new Date(note.time).toLocaleString() }, clock(note.at)), make("i", { "aria-hidden": "true" }, sign), make("span", {}, ...words));
    return item;
  }

  level(dbfs) {
    const meter = byId("level");
    const shown = dbfs === null ? FLOOR_DBFS : Math.min(0, Math.max(FLOOR_DBFS, dbfs));
    const words = dbfs === null ? "–" : dbfs <= -120 ? "silent" : `${dbfs.toFixed(0).replace("-", "−")} dB`;
    meter.style.setProperty("--share", 1 - shown / FLOOR_DBFS);
    meter.setAttribute("aria-valuenow", shown.toFixed(0));
    meter.setAttribute("aria-valuetext", dbfs === null ? "not known" : words);
    say(byId("level-text"), words);
  }
}

// A sign and words for a note; names are isolated, for they may run from right to left.
function wording(note) {
  const track = note.track ? make("bdi", {}, note.track) : "a track without a name";
  switch (note.kind) {
    case "began":
      return ["▲", make("b", {}, note.mood), ` began, ${percent(note.p)} %`];
    case "ended":
      return ["▽", make("b", {}, note.mood), ` ended, ${percent(note.p)} %`];
    case "track":
      return ["♪", track, " begins"];
    case "final": {
      const top = note.top.map(([mood, share]) => `${mood} ${percent(share)} %`).join(", ");
      return ["◼", track, top ? ` was ${top}` : " had no full window", note.text ? ` (${note.text})` : ""];
    }
    default:
      return [note.kind === "up" ? "●" : "⚠", make("b", {}, `source: ${note.kind}`), " ", make("bdi", {}, note.text ?? "")];
  }
}
