// The live list: rows come as HTML that the server has escaped, newest on top, and never push what is being read.
"use strict";

const table = document.getElementById("exchanges");
const rows = document.getElementById("rows");
const field = document.getElementById("q");
const waitingButton = document.getElementById("waiting");
const pauseButton = document.getElementById("pause");
const state = document.getElementById("state");
const base = table.dataset.base;
const MAX_ROWS = 400; // in the document; older ones are behind "Older exchanges"
const TYPING_MS = 250;

let source = null;
let last = table.dataset.last;
let waiting = new Map(); // rows that came while the reader was further down
let isPaused = false;

function rowOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function isAtTop() {
  return window.scrollY < 80;
}

function showWaiting() {
  waitingButton.hidden = waiting.size === 0;
  waitingButton.textContent = `${waiting.size} new`;
}

function insert(fresh) {
  const shown = [...fresh].sort((one, other) => (one[0] < other[0] ? -1 : 1)).slice(-MAX_ROWS);
  for (const [id, html] of shown) {
    const row = rowOf(html);
    const old = document.getElementById(`x-${id}`);
    if (old) {
      const hadFocus = old.contains(document.activeElement);
      old.replaceWith(row);
      if (hadFocus) row.querySelector("a").focus({ preventScroll: true });
    } else {
      row.classList.add("new");
      let below = rows.firstElementChild; // one that took longer comes after others, and stands below them
      while (below && below.id > row.id) below = below.nextElementSibling;
      rows.insertBefore(row, below);
      setTimeout(() => row.classList.remove("new"), 700);
    }
  }
  while (rows.rows.length > MAX_ROWS) rows.lastElementChild.remove();
  document.getElementById("empty").hidden = rows.rows.length > 0;
}

function take(message) {
  const held = new Map();
  for (const id of message.gone) {
    document.getElementById(`x-${id}`)?.remove();
    waiting.delete(id);
  }
  for (const { id, html } of message.rows) {
    if (isAtTop() || document.getElementById(`x-${id}`)) held.set(id, html);
    else waiting.set(id, html);
  }
  while (waiting.size > MAX_ROWS) waiting.delete(waiting.keys().next().value);
  if (message.is_cut) state.textContent = "live, too many to show each; load again for all that is kept";
  requestAnimationFrame(() => { insert(held); showWaiting(); });
}

function release() {
  const fresh = waiting;
  waiting = new Map();
  insert(fresh);
  showWaiting();
}

function connect() {
  source?.close();
  source = null;
  if (isPaused || table.dataset.live === undefined) return;
  source = new EventSource(`${base}/live?q=${encodeURIComponent(field.value)}&after=${last}`);
  source.addEventListener("rows", (event) => { last = event.lastEventId; take(JSON.parse(event.data)); });
  source.onopen = () => { state.textContent = "live"; };
  source.onerror = () => { state.textContent = "waiting for the server"; };
}

async function filter() {
  const address = `${base}?q=${encodeURIComponent(field.value)}`;
  const response = await fetch(address);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (address !== `${base}?q=${encodeURIComponent(field.value)}`) return; // typed on in the meantime
  history.replaceState(null, "", address);
  for (const id of ["rows", "problems", "empty"]) {
    const fresh = document.adoptNode(page.getElementById(id));
    const old = document.getElementById(id);
    old.replaceChildren(...fresh.childNodes);
    old.hidden = fresh.hidden;
  }
  for (const link of document.querySelectorAll("[data-q]")) {
    if (link.dataset.q === field.value) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  document.querySelector(".actions a").href = `${base}/exchanges.har?q=${encodeURIComponent(field.value)}`;
  last = page.getElementById("exchanges").dataset.last;
  table.dataset.live = "";
  waiting.clear();
  showWaiting();
  connect();
}

function pause() {
  isPaused = !isPaused;
  pauseButton.textContent = isPaused ? "Resume" : "Pause";
  pauseButton.setAttribute("aria-pressed", String(isPaused));
  connect();
  if (isPaused) state.textContent = "paused";
}

function move(by) {
  const links = [...rows.querySelectorAll(".target a")];
  const at = links.indexOf(document.activeElement);
  const next = links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))];
  next?.focus();
  next?.closest("tr").scrollIntoView({ block: "nearest" });
}

let typing = 0;
field.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(filter, TYPING_MS); });
document.getElementById("filter").addEventListener("submit", (event) => { event.preventDefault(); filter(); });
document.querySelector(".quick").addEventListener("click", (event) => {
  const link = event.target.closest("[data-q]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  field.value = link.dataset.q;
  filter();
});
waitingButton.addEventListener("click", () => { window.scrollTo(0, 0); release(); });
window.addEventListener("scroll", () => { if (waiting.size && isAtTop()) release(); }, { passive: true });
pauseButton.addEventListener("click", pause);
pauseButton.hidden = false;
document.getElementById("clear").addEventListener("submit", async (event) => {
  event.preventDefault();
  await fetch(`${base}/clear`, { method: "POST", redirect: "manual" });
  await filter();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "Escape") { document.activeElement.blur(); return; }
  if (isTyping && event.key !== "ArrowDown") return;
  const act = { j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), "/": () => field.select(), p: pause }[event.key];
  if (act) { event.preventDefault(); act(); }
});
window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
window.addEventListener("pagehide", () => source?.close());
connect();
