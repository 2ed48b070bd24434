// The page as a whole: what is drawn when.

const everything = () => plots.forEach((draw) => draw());

element("colour").addEventListener("change", (event) => {
  space.by = event.target.value;
  space.alone.clear();
  legend();
  pairs();
});
["ellipses", "densities"].forEach((id) => element(id)?.addEventListener("change", pairs));
dark.addEventListener("change", () => {
  legend();
  everything();
});

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((details) => { details.open = true; });
  paperWidth = 680;
  everything();
});
window.addEventListener("afterprint", () => {
  opened.forEach((details) => { details.open = false; });
  paperWidth = null;
  everything();
});

legend();
everything();
watchPointer();
