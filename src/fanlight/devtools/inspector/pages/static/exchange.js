// One exchange: what belongs together lights up together; keys lead to the next exchange and back to the list.
"use strict";

let lit = "";
let kept = ""; // what was clicked stays lit

function light(part) {
  if (part === lit) return;
  for (const each of document.querySelectorAll(".lit")) each.classList.remove("lit");
  lit = part;
  if (!part) return;
  for (const each of document.querySelectorAll(`[data-part="${CSS.escape(part)}"]`)) each.classList.add("lit");
}

function partOf(event) {
  return event.target instanceof Element ? event.target.closest("[data-part]") : null;
}

function showOther(element) {
  const inList = element.closest(".parts");
  const box = element.closest(".bytes");
  if (!box) return;
  const seen = [...box.querySelectorAll(inList ? "pre [data-part]" : ".parts [data-part]")];
  const other = seen.find((each) => each.dataset.part === element.dataset.part && each.offsetParent);
  if (!other) return;
  const scroller = other.closest("pre, .parts"); // only the box scrolls, not the page
  const top = other.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  if (top < 0 || top > scroller.clientHeight - 24) scroller.scrollTop += top - scroller.clientHeight / 3;
}

document.addEventListener("pointerover", (event) => light(partOf(event)?.dataset.part || kept));
document.addEventListener("focusin", (event) => {
  const element = partOf(event);
  if (element) { light(element.dataset.part); showOther(element); }
});
document.addEventListener("click", (event) => {
  const element = partOf(event);
  if (!element) return;
  kept = kept === element.dataset.part ? "" : element.dataset.part;
  light(kept);
  showOther(element);
  if (kept && !element.closest(".bytes")) { // a parameter, or a field of the response: to its bytes
    const bytes = [...document.querySelectorAll("pre .lit")].find((each) => each.offsetParent);
    bytes?.scrollIntoView({ block: "center" });
  }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select, pre")) return;
  if (event.key === "Escape") {
    if (kept || lit) { kept = ""; light(""); return; }
    document.getElementById("back").click();
  }
  if (event.key === "Enter") partOf(event)?.click();
  if (event.key === "j") document.getElementById("older")?.click();
  if (event.key === "k") document.getElementById("newer")?.click();
});

const copy = document.getElementById("copy");
if (navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById("curl").textContent);
    copy.textContent = "Copied";
  });
}
