// The connection to /events: opens it, notices when it is lost, opens it again where it was.
//
//   const link = new Link({ snapshot(data) {}, update(data) {}, level(dbfs) {}, state(name) {} });
//   link.watch("kitchen");            // one stream in full; null for all in short

const SILENT_MS = 15000; // a beat comes every 5 s: after three of them missing, the connection is dead
const FIRST_MS = 500;
const LONGEST_MS = 3000;
const UNSEEN_MS = 30000; // a page that nobody sees lets go: a browser has six connections to a server, for all its tabs

// Whether it was our 503: there are as many readers as there may be. An EventSource does not say what it was answered.
async function isFull() {
  const answer = await fetch("/events", { method: "HEAD" }).catch(() => null);
  return answer?.status === 503 && answer.headers.has("retry-after");
}

export class Link {
  constructor(listener) {
    this.listener = listener;
    this.stream = null;
    this.last = "";
    this.delay = FIRST_MS;
    this.source = null;
    addEventListener("online", () => this.open());
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.rest);
      this.rest = null;
      if (document.hidden) this.restLater();
      else if (!this.source) this.open();
    });
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  watch(stream) {
    this.stream = stream;
    this.last = ""; // what was seen was of another stream: everything is to be sent
    this.open();
  }

  open() {
    this.close();
    if (document.hidden) this.restLater(); // opened in a tab in the background, it never becomes hidden
    const query = new URLSearchParams();
    if (this.stream !== null) query.set("stream", this.stream);
    if (this.last) query.set("after", this.last);
    const source = new EventSource(`/events?${query}`);
    this.source = source;
    for (const kind of ["snapshot", "update", "level", "beat"]) {
      source.addEventListener(kind, (event) => this.hear(source, kind, event));
    }
    source.onerror = () => this.lose(source);
    this.wait(() => this.lose(source), SILENT_MS);
  }

  restLater() {
    this.rest ??= setTimeout(() => {
      this.rest = null;
      this.close();
    }, UNSEEN_MS);
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  hear(source, kind, event) {
    if (source !== this.source) return;
    this.delay = FIRST_MS;
    this.last = event.lastEventId || this.last;
    this.wait(() => this.lose(source), SILENT_MS);
    this.listener.state("live");
    if (kind !== "beat") this.listener[kind](JSON.parse(event.data));
  }

  // The browser's own attempts give up on any answer but 200; these do not.
  async lose(source) {
    if (source !== this.source) return;
    const refused = source.readyState === EventSource.CLOSED; // there was an answer, but none of events
    this.close();
    this.wait(() => this.open(), this.delay);
    this.delay = Math.min(2 * this.delay, LONGEST_MS);
    const full = refused && (await isFull());
    if (!this.source) this.listener.state(full ? "full" : "lost");
  }

  wait(then, ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(then, ms);
  }
}
