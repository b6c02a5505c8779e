// The live page: what the address names is shown, and kept up to date by the server.
//
//   #all             every stream in short
//   #stream=kitchen  one in full
//   (nothing)        the one stream there is, or all of them if there are more

import { byId, say } from "./dom.js";
import { Link } from "./link.js";
import { Overview } from "./overview.js";
import { StreamView } from "./stream.js";

const WORDS = {
  connecting: "connecting",
  live: "live",
  lost: "connection lost, trying again",
  full: "too many pages are open: close one, trying again",
};

const overview = new Overview();
const view = new StreamView();
let route = null;
let span = 300;

const link = new Link({
  snapshot(data) {
    span = data.span;
    take(data, true);
  },
  update: (data) => take(data, false),
  level: (dbfs) => view.level(dbfs),
  state(name) {
    const shown = name === "full" ? "lost" : name;
    byId("link").dataset.state = shown;
    document.body.dataset.link = shown;
    say(byId("link"), WORDS[name]);
  },
});

function take(data, anew) {
  say(byId("model"), data.model ? `${data.model.name} ${data.model.version}` : "");
  byId("back").hidden = route === null || data.count < 2;
  say(byId("back-text"), `All ${data.count} streams`);
  if (route === null) {
    overview.forgotten = data.forgotten;
    if (anew) overview.replace(data.streams);
    else overview.change(data.streams, data.gone);
    show(data.count ? "all" : "empty");
    say(byId("empty"), "Waiting for the first sound …");
    if (!location.hash && data.count === 1) look(overview.streams.keys().next().value);
  } else if (data.stream) {
    view.show(data.stream, data.detail, span);
    show("one");
    document.title = `${data.stream.top[0]?.[0] ?? "…"} – ${data.stream.key} – moodstream`;
  } else if (!location.hash) {
    look(null); // it was not asked for: see what there is instead
  } else {
    show("empty");
    say(byId("empty"), "This stream is not there now. It is shown as soon as it is heard.");
  }
}

function show(name) {
  for (const id of ["empty", "one", "all"]) byId(id).hidden = id !== name;
}

function look(key) {
  route = key;
  view.clear();
  if (key === null) {
    document.title = "moodstream";
    document.body.className = "";
  }
  link.watch(key);
}

function follow() {
  const match = /^#stream=(.*)$/.exec(location.hash);
  let key = null;
  try {
    key = match ? decodeURIComponent(match[1]) : null;
  } catch {
    // a mistyped address: all of them
  }
  look(key);
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which stream is shown
  byId("main").focus();
});
addEventListener("hashchange", () => {
  follow();
  byId("main").focus({ preventScroll: true });
  scrollTo(0, 0);
});
follow();
