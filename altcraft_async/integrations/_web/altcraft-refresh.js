// Starts a refresh, shows its progress, then the counters or an error: docs/guides/web-apps.md

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: block;
  --accent: var(--altcraft-accent, light-dark(#0b57d0, #8ab4f8));
  --track: var(--altcraft-track, color-mix(in srgb, currentColor 15%, transparent));
  --radius: var(--altcraft-radius, .4em) }
:host([hidden]), [hidden] { display: none }
button { font: inherit; padding: .4em 1em; border: 1px solid; border-radius: var(--radius);
  background: none; color: var(--accent) }
button[aria-disabled=true] { opacity: .6 }
p, .bar, .chart, .scroll { margin: .7em 0 0 }
.error { color: var(--altcraft-error, light-dark(#b3261e, #f2b8b5)) }
.bar { height: .6em; border-radius: var(--radius); background: var(--track); overflow: hidden }
.chart .bar { margin: 0 }
.fill { height: 100%; background: var(--accent); transition: width .4s }
.unknown { width: 30%; animation: move 1.6s infinite alternate }
@keyframes move { to { margin-left: 70% } }
.chart { display: grid; grid-template-columns: auto 1fr auto; gap: .3em .8em; align-items: center }
.chart span { text-align: end }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption, th:first-child { text-align: start }
th, td { padding: .2em .8em .2em 0; text-align: end; border-top: 1px solid var(--track);
  white-space: nowrap }
@media (prefers-reduced-motion) { .fill { transition: none; animation: none } }
@media (forced-colors: active) { .fill { forced-color-adjust: none; background: Highlight } }`);

const LOST = "The connection is lost; trying again.";
const RUNNING = "Refreshing…";

// No innerHTML: names stay text.
const make = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  made.append(...children);
  return made;
};
const part = (tag, name, ...children) => make(tag, { class: name, part: name }, ...children);
const sentence = (text) => text[0].toUpperCase() + text.slice(1).replace(/\.?$/, ".");
const shown = (count) => count?.toLocaleString() ?? "–";
const words = (name) => name.replaceAll("_", " ");

/** Return the task in a response, or throw an error in words. */
async function read(response) {
  const body = await response.json().catch(() => null);
  if (response.ok && body?.task) return body;
  const error = Error(sentence(body?.message
    || (response.ok ? "this is no answer to a refresh; you may have to log in"
      : `the server answered with HTTP status ${response.status}`)));
  error.final = response.status < 502 || response.status === 502 && !!body?.error;
  throw error;
}

class AltcraftRefresh extends HTMLElement {
  /** Headers of the POST, such as a CSRF token. */
  headers = {};
  #button = make("button", { type: "button", part: "button" }, make("slot", {}, "Refresh"));
  #fill = part("div", "fill");
  #bar = part("div", "bar", this.#fill);
  #progress = part("p", "progress");
  #status = make("p", { role: "status" });
  #report = make("div");
  #task;
  #events;
  #timer;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(this.#button, this.#bar, this.#progress, this.#status, this.#report);
    this.#bar.role = "progressbar";
    this.#bar.ariaLabel = "Progress";
    this.#button.onclick = () => this.start();
    this.#show("");
  }

  connectedCallback() {
    this.#button.hidden = !this.hasAttribute("action");
    this.#task ??= this.getAttribute("task");
    if (this.#task) this.#follow();
  }

  disconnectedCallback() { this.#stop(); }

  get #busy() { return !this.#bar.hidden; }

  async start() {
    if (this.#busy) return;
    this.#report.replaceChildren();
    this.#show("Starting…", true);
    try {
      const request = { method: "POST", headers: this.headers };
      const view = await read(await fetch(this.getAttribute("action"), request).catch(() => {
        throw Error("The server cannot be reached; the refresh may have started.");
      }));
      this.#task = view.task;
      this.#news(view);
      if (!view.report && this.isConnected) this.#follow();
    } catch (error) { this.#fail(error.message); }
  }

  // This address is right behind any path prefix.
  get #url() { return new URL(`./${encodeURIComponent(this.#task)}`, import.meta.url).href; }

  #follow(delay = 1) {
    this.#stop();
    if (!this.#busy) this.#show(RUNNING, true);
    const events = this.#events = new EventSource(`${this.#url}/events`);
    const on = (name, act) => events.addEventListener(name, (event) => act(JSON.parse(event.data)));
    on("status", (view) => { delay = 1; this.#news(view); });
    on("report", (view) => this.#news(view));
    on("failed", (error) => this.#fail(sentence(error.message)));
    on("interrupted", (error) => this.#say(sentence(error.message)));
    events.onerror = () => {
      if (this.#status.textContent === RUNNING) this.#say(LOST);
      if (events.readyState === 2) this.#ask(delay);
    };
  }

  // A stream does not tell an HTTP error.
  async #ask(delay) {
    try {
      this.#news(await read(await fetch(this.#url)));
    } catch (error) {
      if (error.final) return this.#fail(error.message);
      this.#say("final" in error ? error.message : LOST);
    }
    if (!this.#task || !this.isConnected) return;
    this.#timer = setTimeout(() => this.#follow(Math.min(2 * delay, 30)), 1000 * delay);
  }

  #stop() {
    this.#events?.close();
    clearTimeout(this.#timer);
  }

  #say(text, kind = "status") {
    this.#status.className = this.#status.part = kind;
    this.#status.textContent = text;
  }

  #show(text, busy = false, kind = "status") {
    this.#say(text, kind);
    this.#button.ariaDisabled = busy;
    this.#bar.hidden = this.#progress.hidden = !busy;
    this.#draw({});
    if (busy) return;
    this.#stop();
    this.#task = null;
  }

  #draw({ progress, eta }) {
    const known = progress != null;
    this.#fill.classList.toggle("unknown", !known);
    this.#fill.style.width = known ? `${progress}%` : "";
    this.#bar.ariaValueNow = known ? progress : null;
    const left = eta < 90 ? `${Math.ceil(eta)} s` : `${Math.ceil(eta / 60)} min`;
    this.#progress.textContent = (known ? `${progress} %` : "")
      + (eta ? `, about ${left} left` : "");
  }

  #news(view) {
    if (view.report) {
      this.#show("The counters are up to date.");
      this.#report.replaceChildren(...view.report.groups.flatMap(chartAndTable));
    } else {
      this.#say(RUNNING);
      this.#draw(view);
    }
    this.#tell(view.report ? "report" : "status", view);
  }

  #fail(message) {
    this.#show(message, false, "error");
    this.#tell("error", { message });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`altcraft-${name}`, { detail, bubbles: true }));
  }
}

function chartAndTable({ channels, database_id: id }) {
  const names = Object.keys(channels);
  const all = Object.values(channels);
  const most = Math.max(1, ...all.map((one) => one.subscribed ?? 0));
  const chart = part("div", "chart", ...names.flatMap((name) => {
    const { subscribed } = channels[name];
    const fill = part("div", "fill");
    fill.style.width = `${100 * (subscribed ?? 0) / most}%`;
    const count = make("span", {}, `${shown(subscribed)} subscribed`);
    return [words(name), part("div", "bar", fill), count];
  }));
  chart.ariaHidden = true; // as in the table
  const row = (title, kind, texts) =>
    make("tr", {}, make("th", {}, title), ...texts.map((text) => make(kind, {}, text)));
  const title = id == null ? "Counters" : `Database ${id}`;
  const table = part("table", "table", make("caption", {}, title),
    row("Counter", "th", names.map(words)),
    ...Object.keys(Object.assign({}, ...all)).map((counter) =>
      row(words(counter), "td", all.map((one) => shown(one[counter])))));
  const scroll = { class: "scroll", role: "region", tabindex: 0, "aria-label": title };
  return [chart, make("div", scroll, table)];
}

customElements.get("altcraft-refresh") ??
  customElements.define("altcraft-refresh", AltcraftRefresh);
