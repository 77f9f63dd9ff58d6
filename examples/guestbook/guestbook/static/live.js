// Follow the book. Without this script the page is complete; with it, what others write appears by itself.
const list = document.querySelector("#entries");
let events;

// A page that is kept for the Back button would keep its connection, and a browser has only six for a site.
addEventListener("pageshow", () => {
  events = new EventSource(list.dataset.live);
  events.onmessage = update;
});
addEventListener("pagehide", () => events.close());

async function update() {
  const response = await fetch(location.href);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const added = [];
  const removed = [...list.children].filter(entry => !page.getElementById(entry.id));
  removed.forEach(entry => entry.remove());
  [...page.querySelectorAll("#entries > li")].forEach((entry, place) => {
    if (document.getElementById(entry.id)) return; // what the reader has opened in it stays as it is
    list.insertBefore(entry, list.children[place] ?? null);
    added.push(entry.querySelector("h3")?.textContent);
  });
  for (const id of ["window", "count"]) document.getElementById(id).replaceWith(page.getElementById(id));
  const names = added.filter(Boolean);
  if (names.length) document.querySelector("#news").textContent = `New in the book: ${names.join(", ")}`;
}
