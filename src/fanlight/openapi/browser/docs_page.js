// The page of a description: filters its operations, and sends requests ("Try it") from the forms in it.
// Nothing is stored: credentials are in the fields of the page until it is closed.
"use strict";
const MOST_SHOWN = 200000; // characters of a response
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

for (const each of all("[data-needs-script]")) each.hidden = false;

// --- the filter, and links to what is folded ---

const filter = document.querySelector("#filter");
filter?.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of all("[data-words]")) {
    item.hidden = !words.every((word) => item.dataset.words.includes(word));
  }
  for (const group of all("[data-group]")) {
    group.hidden = !all("[data-words]", group).some((each) => !each.hidden);
  }
});

function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", unfold);
unfold();

// --- sending ---

function credentials(form) {
  const fields = {}, query = [];
  for (const name of JSON.parse(form.dataset.security)) {
    const box = document.getElementById(`scheme-${name}`);
    const value = box?.querySelector("input")?.value;
    if (!value) continue;
    const { kind, field } = box.dataset;
    if (kind === "bearer") fields.Authorization = `Bearer ${value}`;
    else if (kind === "basic") {
      const bytes = new TextEncoder().encode(`${value}:${box.querySelectorAll("input")[1].value}`);
      fields.Authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
    } else if (kind === "header") fields[field] = value;
    else if (kind === "query") query.push([field, value]);
  }
  return { fields, query };
}

function requestOf(form) {
  const { fields, query } = credentials(form);
  let path = form.dataset.path;
  for (const input of all("[data-in]", form)) {
    const { in: place, name, list } = input.dataset;
    if (place === "path") {
      const value = encodeURIComponent(input.value);
      path = path.replace(`{${name}}`, () => input.dataset.slashes ? value.replaceAll("%2F", "/") : value);
    } else if (input.value !== "") {
      const values = list ? input.value.split("\n").filter(Boolean) : [input.value];
      if (place === "query") query.push(...values.map((value) => [name, value]));
      if (place === "header") fields[name] = values.join(", ");
    }
  }
  const options = { method: form.dataset.method, headers: fields, redirect: "follow" };
  const json = form.querySelector("textarea[data-body]");
  if (json && json.value.trim()) {
    options.body = json.value;
    fields["Content-Type"] = json.dataset.body;
  } else if (form.dataset.form) {
    const data = new FormData();
    for (const input of all("[data-field]", form)) {
      if (input.type === "file") for (const file of input.files) data.append(input.dataset.field, file);
      else if (input.value !== "") {
        const values = input.dataset.list ? input.value.split("\n").filter(Boolean) : [input.value];
        for (const value of values) data.append(input.dataset.field, value);
      }
    }
    options.body = data;
  }
  const search = new URLSearchParams(query).toString();
  return [form.dataset.server + path + (search ? `?${search}` : ""), options];
}

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

async function readText(response, show) {
  const type = response.headers.get("content-type") || "";
  if (!response.body || !/^(?:text\/|application\/(?:[\w.+-]*json|xml|javascript))/.test(type)) {
    const size = (await response.blob()).size;
    show(size ? `${size} bytes of ${type || "unknown type"}` : "no content");
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    show(text);
    if (text.length > MOST_SHOWN) {
      await reader.cancel();
      show(`${text.slice(0, MOST_SHOWN)}\n... and more`);
      return;
    }
  }
  if (type.includes("json")) {
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it came */ }
  }
  show(text || "no content");
}

async function send(form) {
  const output = form.querySelector("output");
  const button = form.querySelector("button");
  const stop = new AbortController();
  const [url, options] = requestOf(form);
  const status = element("span", "sending ...", "status"), about = element("span", ""), body = element("pre", "");
  body.tabIndex = 0;
  output.replaceChildren(status, " ", about, body);
  button.textContent = "Stop";
  button.onclick = (event) => { event.preventDefault(); stop.abort(); };
  const begun = performance.now();
  try {
    const response = await fetch(url, { ...options, signal: stop.signal });
    status.textContent = `${response.status} ${response.statusText}`;
    status.classList.add(response.status < 300 ? "good" : response.status < 500 ? "warn" : "bad");
    const moved = response.redirected ? `, after a redirect to ${new URL(response.url).pathname}` : "";
    about.textContent = `${options.method} ${new URL(url, location.href).pathname}, ` +
      `${Math.round(performance.now() - begun)} ms, ${response.headers.get("content-type") || "no content"}${moved}`;
    await readText(response, (text) => { body.textContent = text; });
  } catch (error) {
    if (error.name === "AbortError") about.textContent += " (stopped)";
    else {
      status.textContent = "not sent";
      status.classList.add("bad");
      about.textContent = String(error.message);
    }
  } finally {
    button.textContent = "Send";
    button.onclick = null;
  }
}

for (const form of all("form[data-method]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}
