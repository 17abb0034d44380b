// The button that prints, on pages that are made for paper. Without this script the browser's own menu prints them.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
