// Buttons that copy the code beside them, wherever they stand, now or later.

const SHOWN_MS = 2000;

for (const button of document.querySelectorAll(".copy")) button.hidden = false;
document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.(".copy");
  if (!button) return;
  const said = (await copied(button.parentElement.querySelector("pre"))) ? "Copied" : "Press Ctrl+C";
  const text = button.firstChild;
  text.data = said;
  button.setAttribute("aria-live", "polite");
  setTimeout(() => { text.data = "Copy"; }, SHOWN_MS);
});

/** Copy the text of an element; if the browser does not let us, select it. */
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}
