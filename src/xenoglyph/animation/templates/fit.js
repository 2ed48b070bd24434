
"use strict";
const figure = document.querySelector("figure");
const frames = [...figure.querySelectorAll("img")];
const slider = document.querySelector("input");
const button = document.querySelector("button");
const told = document.querySelector("output");
const last = frames.length - 1;
let shown = last;
let timer = null;

function show(frame) {
  frames[shown].hidden = true;
  frames[frame].hidden = false;
  shown = frame;
  slider.value = frame;
  told.value = frames[frame].alt;
  slider.setAttribute("aria-valuetext", frames[frame].alt);
}

function pause() {
  clearInterval(timer);
  timer = null;
  button.textContent = "Play";
}

function step() {
  if (shown < last) show(shown + 1);
  if (shown === last) pause(); // and is held
}

function play() {
  if (shown === last) show(0);
  timer = setInterval(step, Number(figure.dataset.milliseconds));
  button.textContent = "Pause";
}

button.addEventListener("click", () => (timer === null ? play() : pause()));
slider.addEventListener("input", () => {
  pause();
  show(Number(slider.value));
});
if (matchMedia("(prefers-reduced-motion: reduce)").matches) show(last);
else play();
