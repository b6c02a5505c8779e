// The plane of valence (to the right: pleasant) and arousal (upward: excited), after Russell (1980).
//
//   const plane = new Plane(element);
//   plane.show([[420, -310]], [[400, -300], ...])     // the points now, and the way there; in thousandths

import { draw } from "./dom.js";

const SIDE = 320;
const MIDDLE = SIDE / 2;
const REACH = 1500; // thousandths at the rim; four calibrated moods hardly get farther, and what does is shown there
const VIEW = `0 -8 ${SIDE + 10} ${SIDE + 10}`; // above and to the right, the axes are named where no point comes
const QUADRANTS = [["angry", -1, 1], ["happy", 1, 1], ["sad", -1, -1], ["calm", 1, -1]];

export class Plane {
  constructor(parent) {
    this.trail = draw("g", { class: "trail" });
    this.points = draw("g", { class: "points" });
    this.picture = draw("svg", { viewBox: VIEW, role: "img", class: "plane" });
    const ring = draw("g", { class: "ring", "aria-hidden": "true" });
    for (const radius of [48, 96, 144]) ring.append(draw("circle", { cx: MIDDLE, cy: MIDDLE, r: radius }));
    ring.append(draw("path", { d: `M16 ${MIDDLE}H${SIDE - 16}M${MIDDLE} 16V${SIDE - 16}` }));
    for (const [mood, right, up] of QUADRANTS) {
      const x = MIDDLE + right * 118;
      ring.append(draw("text", { x, y: MIDDLE - up * 122 + 4, class: `corner mood-${mood}` }, mood));
    }
    ring.append(draw("text", { class: "axis", transform: `translate(${SIDE - 2} ${MIDDLE}) rotate(90)` }, "pleasant"));
    ring.append(draw("text", { class: "axis", x: MIDDLE, y: 2 }, "excited"));
    this.picture.append(ring, this.trail, this.points);
    parent.append(this.picture);
  }

  show(points, trail, description, hues = []) {
    this.picture.setAttribute("aria-label", description);
    const count = trail.length;
    match(this.trail, count, () => draw("circle", { r: 3 })).forEach((dot, index) => {
      put(dot, trail[index]);
      dot.setAttribute("opacity", (0.06 + 0.5 * ((index + 1) / count) ** 2).toFixed(2));
    });
    const many = points.length > 1;
    match(this.points, points.length, () => draw("circle")).forEach((dot, index) => {
      dot.setAttribute("r", many ? 4 : 9);
      dot.setAttribute("class", `point ${hues[index] ?? ""}`);
      put(dot, points[index]);
    });
  }
}

function match(group, count, create) {
  while (group.childElementCount > count) group.lastChild.remove();
  while (group.childElementCount < count) group.append(create());
  return [...group.children];
}

function put(dot, [valence, arousal]) {
  const length = Math.max(1, Math.hypot(valence, arousal) / REACH);
  dot.style.transform = `translate(${place(valence / length)}px, ${place(-arousal / length)}px)`;
}

const place = (thousandths) => (MIDDLE + (144 * thousandths) / REACH).toFixed(1);

const signed = (thousandths) => (thousandths / 1000).toFixed(2).replace(/^-/, "−").replace(/^(?=\d)/, "+");

export function inWords([valence, arousal]) {
  return `Valence ${signed(valence)}, arousal ${signed(arousal)}`;
}
