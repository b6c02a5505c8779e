// All streams in short: a tile each, and a point each on the plane. Made for a handful and for a thousand.
//
//   const overview = new Overview();
//   overview.replace(rows); overview.change(rows, gone)

import { byId, make, percent, say } from "./dom.js";
import { hueOf } from "./hues.js";
import { Plane } from "./plane.js";

const PAGE = 120;
const TROUBLE = { down: 0, up: 1, ended: 2 };
const SIGNS = { up: "", down: "▼ down", ended: "■ ended" };

const byName = (a, b) => a.key.localeCompare(b.key, undefined, { numeric: true });
const live = (row) => (row.state === "ended" ? 1 : 0);
const ORDERS = {
  name: (a, b) => live(a) - live(b) || byName(a, b),
  mood: (a, b) => live(a) - live(b) || (a.top[0]?.[0] ?? "~").localeCompare(b.top[0]?.[0] ?? "~") || (b.top[0]?.[1] ?? 0) - (a.top[0]?.[1] ?? 0),
  level: (a, b) => live(a) - live(b) || (b.level ?? -999) - (a.level ?? -999) || byName(a, b),
  state: (a, b) => TROUBLE[a.state] - TROUBLE[b.state] || byName(a, b),
};

export const address = (key) => `#stream=${encodeURIComponent(key)}`;

export class Overview {
  constructor() {
    this.streams = new Map();
    this.tiles = new Map();
    this.most = PAGE;
    this.sky = new Plane(byId("sky"));
    for (const [id, kind] of [["find", "input"], ["order", "change"]]) byId(id).addEventListener(kind, () => this.arrange());
    byId("more").addEventListener("click", () => {
      this.most += PAGE;
      this.arrange();
    });
  }

  replace(rows) {
    this.streams = new Map(rows.map((row) => [row.key, row]));
    this.arrange();
  }

  change(rows, gone) {
    let others = gone.length > 0;
    for (const key of gone) this.streams.delete(key);
    for (const row of rows) {
      others ||= this.streams.get(row.key)?.state !== row.state;
      this.streams.set(row.key, row);
    }
    // What leads changes often; places change only when asked for, or when a stream comes, goes or ends: a list that
    // moves under the hand cannot be used.
    if (others) this.arrange();
    else for (const row of rows) if (this.tiles.has(row.key)) this.tiles.get(row.key).show(row);
    // A thousand streams change three hundred times a second: the whole is drawn once in that time.
    this.drawing ??= setTimeout(() => this.draw(), 1000);
  }

  arrange() {
    const wanted = byId("find").value.trim().toLocaleLowerCase();
    const fits = (row) => !wanted || `${row.key} ${row.track ?? ""} ${row.top[0]?.[0] ?? ""}`.toLocaleLowerCase().includes(wanted);
    const found = [...this.streams.values()].filter(fits).sort(ORDERS[byId("order").value]);
    const shown = found.slice(0, this.most);
    const kept = new Map();
    for (const row of shown) {
      const tile = this.tiles.get(row.key) ?? new Tile(row.key);
      tile.show(row);
      kept.set(row.key, tile);
    }
    this.tiles = kept;
    const elements = [...kept.values()].map((tile) => tile.element);
    const list = byId("tiles");
    if (elements.length !== list.childElementCount || elements.some((each, index) => each !== list.children[index])) {
      const focused = document.activeElement;
      list.replaceChildren(...elements);
      if (focused?.isConnected && list.contains(focused)) focused.focus({ preventScroll: true });
    }
    byId("more").hidden = found.length <= shown.length;
    say(byId("more"), `Show more (${found.length - shown.length})`);
    this.found = found.length;
    this.draw();
  }

  draw() {
    clearTimeout(this.drawing);
    this.drawing = null;
    const rows = [...this.streams.values()];
    const down = rows.filter((row) => row.state === "down").length;
    const ended = rows.filter((row) => row.state === "ended").length;
    const parts = [`${rows.length - down - ended} up`, down && `${down} down`, ended && `${ended} ended`];
    if (this.found < rows.length) parts.push(`${this.found} found`);
    if (this.forgotten) parts.push(`the ${rows.length} heard last`);
    say(byId("summary"), parts.filter(Boolean).join(" · "));
    const placed = rows.filter((row) => row.plane && row.state === "up");
    byId("sky-card").hidden = placed.length === 0;
    const hues = placed.map((row) => hueOf(row.top[0]?.[0]));
    this.sky.show(placed.map((row) => row.plane), [], `The places of ${placed.length} streams by valence and arousal`, hues);
  }
}

class Tile {
  constructor(key) {
    this.name = make("bdi", { class: "name" });
    this.state = make("span", { class: "state" });
    this.lead = make("strong");
    this.share = make("span", { class: "share" });
    this.second = make("span", { class: "second" });
    this.track = make("bdi", { class: "track" });
    this.bar = make("i", { class: "bar-line", "aria-hidden": "true" });
    const top = make("span", { class: "top" }, this.name, this.state);
    const middle = make("span", { class: "middle" }, this.lead, " ", this.share, this.second);
    this.link = make("a", { href: address(key) }, top, middle, this.bar, this.track);
    this.element = make("li", {}, this.link);
    say(this.name, key || "(no name)");
  }

  show(row) {
    if (row === this.row) return;
    this.row = row;
    const [first, second] = row.top;
    say(this.lead, first ? first[0] : row.status === "silence" ? "silence" : "–");
    say(this.share, first ? `${percent(first[1])} %` : "");
    say(this.second, second && second[1] >= 250 ? `, ${second[0]} ${percent(second[1])} %` : "");
    say(this.state, SIGNS[row.state]);
    say(this.track, row.track ?? "");
    this.bar.style.setProperty("--share", (first?.[1] ?? 0) / 1000);
    this.element.className = `${first ? hueOf(first[0]) : ""} is-${row.state}`;
  }
}
