// The script that `fanlight dev` puts into each page. It refreshes the page when the code behind it has changed, swaps
// style sheets in place, and shows why new code does not serve.
//
// All pages of the site share one stream of events, as a browser opens few connections to one host: the page that holds
// the lock listens, and passes on what it hears. When it is closed, the next page gets the lock.
(() => {
  "use strict";
  const NAME = "fanlight-dev";
  const STYLE = "/*STYLE*/"; // of what is shown on top of the page; the server puts it here
  if (window[Symbol.for(NAME)]) return; // the document was replaced by a script, but this one still runs
  window[Symbol.for(NAME)] = true;

  const { form } = document.currentScript.dataset;
  const [version, firstStyles] = document.currentScript.dataset.version.split("/"); // of which the page was made
  let styles = firstStyles;
  const address = location.href;
  const STATE = ["version", "styles", "problem"]; // what a page that comes later has to know too
  const MOST_WAIT = 2000;
  const MOST_TRIES = 3;

  // --- one stream for all pages ---------------------------------------------------------------

  let channel = null;
  let leave = null;

  function join() {
    if (channel) return;
    channel = new BroadcastChannel(NAME);
    channel.onmessage = ({ data }) => (data.name === "ask" ? respond() : receive(data));
    leave = new AbortController();
    const { signal } = leave;
    navigator.locks.request(NAME, { signal }, () => listen(signal)).catch(() => {}); // it was aborted
    channel.postMessage({ name: "ask" });
  }

  function part() { // a page that holds a lock or a stream could not be kept for "back"
    if (!channel) return;
    leave.abort();
    channel.close();
    channel = null;
  }

  let known = {}; // the last event of each name, while this page listens

  function respond() {
    for (const name of STATE) if (name in known) channel.postMessage({ name, data: known[name] });
  }

  function listen(signal) {
    return new Promise((done) => {
      let source = null;
      let timer = 0;
      let wait = 0;
      const connect = () => {
        source = new EventSource("/__fanlight__/events");
        source.onopen = () => { wait = 0; };
        source.onerror = () => { // the server has stopped, or another worker serves: at once, then more and more slowly
          source.close();
          timer = setTimeout(connect, wait);
          wait = Math.min(MOST_WAIT, wait * 2 || 50);
        };
        for (const name of STATE) {
          source.addEventListener(name, (event) => {
            const data = JSON.parse(event.data);
            known[name] = data;
            if (channel) channel.postMessage({ name, data });
            receive({ name, data });
          });
        }
      };
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        source.close();
        known = {};
        done();
      });
      connect();
    });
  }

  function receive({ name, data }) {
    if (name === "version" && data !== version) refresh(data);
    else if (name === "problem") show(data);
    else if (name === "styles" && data !== styles) swapStyles(styles = data);
  }

  window.addEventListener("pagehide", part);
  window.addEventListener("pageshow", join);
  join();

  // --- refresh --------------------------------------------------------------------------------

  let isRefreshing = false;

  function refresh(wanted) {
    if (isRefreshing) return;
    if (document.hidden) { // when it is looked at again; until then it would only take time from the others
      isRefreshing = true;
      document.addEventListener("visibilitychange", () => { isRefreshing = false; refresh(wanted); }, { once: true });
    } else if (form && location.href === address) {
      note(); // refreshing would send the form once more
    } else {
      const [tried, times] = (remembered("tried") || " 0").split(" ");
      const count = tried === wanted ? Number(times) : 0;
      if (count >= MOST_TRIES) return; // a page that stays old comes from a cache of the site's own
      isRefreshing = true;
      remember("tried", `${wanted} ${count + 1}`);
      remember("scroll", JSON.stringify([location.href, scrollX, scrollY]));
      location.reload();
    }
  }

  function remember(name, value) {
    try { sessionStorage.setItem(`${NAME}:${name}`, value); } catch { /* it is full or forbidden */ }
  }

  function remembered(name) {
    try { return sessionStorage.getItem(`${NAME}:${name}`); } catch { return null; }
  }

  // The browser restores the scroll position of a page that is loaded again, unless the page does that itself.
  const scroll = remembered("scroll");
  if (scroll && history.scrollRestoration === "manual") {
    const [href, x, y] = JSON.parse(scroll);
    window.addEventListener("load", () => { if (href === location.href) scrollTo(x, y); });
  }
  remember("scroll", "");

  // --- style sheets ---------------------------------------------------------------------------

  function swapStyles(number) {
    for (const link of document.querySelectorAll("link[rel~=stylesheet i][href]")) {
      const url = new URL(link.href);
      if (url.origin !== location.origin || link.dataset.fanlightOld) continue;
      url.searchParams.set(NAME, number); // else the browser takes its copy
      const fresh = link.cloneNode();
      fresh.nonce = link.nonce;
      fresh.href = url;
      link.dataset.fanlightOld = "true"; // it stays until the other is there, so that the page is never without
      fresh.onload = () => link.remove();
      fresh.onerror = () => { fresh.remove(); delete link.dataset.fanlightOld; };
      link.after(fresh);
    }
  }

  // --- what is shown on top of the page -------------------------------------------------------

  let host = null;

  function cover(kind, ...children) {
    uncover();
    host = document.createElement("fanlight-dev");
    host.popover = "manual"; // above dialogs of the site
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet]; // permitted by every content security policy
    root.append(element("section", { className: kind, role: "alert" }, ...children));
    document.documentElement.append(host);
    host.showPopover?.();
    window.addEventListener("keydown", onKey, true);
  }

  function uncover() {
    if (!host) return;
    host.remove();
    host = null;
    window.removeEventListener("keydown", onKey, true);
  }

  function onKey(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    uncover();
  }

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children.filter((each) => each !== null));
    return made;
  }

  function button(text, act, className = "") {
    return element("button", { type: "button", className, onclick: act }, text);
  }

  function show(problem) {
    if (problem === null) {
      uncover();
      return;
    }
    const isWaiting = problem.kind === "waiting";
    cover(
      isWaiting ? "waiting" : "problem",
      element("header", {}, element("h1", {}, problem.title), button("Hide", uncover, "plain")),
      ...problem.faults.map((fault) => faultPart(fault, problem.title)),
      problem.text ? element("details", {}, element("summary", {}, "All of the message"), element("pre", {}, problem.text)) : null,
      element("footer", {}, "The code from before the change goes on serving. ", element("kbd", {}, "Esc"), " hides this."),
    );
  }

  function faultPart(fault, title) {
    const place = fault.line ? `${fault.file}:${fault.line}` : fault.file;
    const lines = fault.excerpt.map((text, at) => {
      const number = fault.first_line + at;
      return element("span", { className: number === fault.line ? "line here" : "line" }, element("i", {}, String(number)), text, "\n");
    });
    return element(
      "article", {},
      place ? element("h2", {}, place) : null,
      fault.message !== title ? element("p", {}, fault.message) : null,
      lines.length ? element("pre", { className: "source" }, ...lines) : null,
      fault.hint ? element("p", { className: "hint" }, fault.hint) : null,
    );
  }

  // A page of the site's own for an error says nothing to those who write the site; the server does, in an element.
  function explain() {
    const found = document.querySelector("template[data-fanlight-note]");
    if (found && !host) {
      cover("badge", element("p", {}, found.content.textContent), button("Hide", uncover, "plain"));
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", explain);
  else explain();

  function note() {
    cover(
      "note",
      element("p", {}, "The code has changed. This page is the response to a form, so it was not refreshed: that would send the form again."),
      element(
        "div", { className: "buttons" },
        button("Open the page without the form", () => { location.replace(location.pathname + location.search); }),
        button("Send the form again", () => { location.reload(); }, "plain"),
        button("Hide", uncover, "plain"),
      ),
    );
  }
})();
