"use strict";
addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("copy");
  const text = document.getElementById("text");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      text.closest("details").open = true;
      getSelection().selectAllChildren(text);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy as text"; }, 2000);
  });
});
