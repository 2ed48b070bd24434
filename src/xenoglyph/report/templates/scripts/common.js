// What all scripts of the page share. They are one script in the end: names are seen by all.

const data = JSON.parse(document.getElementById("data").textContent);

// The palette and markers of xenoglyph.plotting.
const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#6E6E6E", "#602000"];
const markers = ["circle", "triangle-up", "square", "diamond"];
const outlines = ["M6 1a5 5 0 1 0 .01 0z", "M6 1l5 10h-10z", "M1 1h10v10h-10z", "M6 0l6 6-6 6-6-6z"];
const vermilion = colours[1];
const dark = window.matchMedia("(prefers-color-scheme: dark)");
// The brown cannot be seen in the dark: there Okabe and Ito's yellow takes its place.
const shade = (colour) => (dark.matches && colour === colours.at(-1) ? "#F0E442" : colour);
const colourOf = (group) => shade(colours[group % colours.length]);
const markerOf = (group) => Math.floor(group / colours.length) % markers.length;

const element = (id) => document.getElementById(id);
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const unique = (values) => [...new Set(values)];
const largest = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

let paperWidth = null; // in pixels, while the page is printed
const plots = []; // functions that draw a plot, again and again

const plot = (id, traces, layout) => {
  const width = paperWidth && Math.min(paperWidth, element(id).parentElement.clientWidth || paperWidth);
  return Plotly.react(element(id), traces, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { family: "system-ui, sans-serif", size: 12, color: variable("--ink") },
    margin: { t: 10, r: 10, b: 42, l: 60 }, hovermode: "closest", ...(width ? { width } : {}), ...layout,
  }, { responsive: true, displayModeBar: false });
};
const axis = (title, more) => ({
  title: { text: title }, gridcolor: variable("--line"), zeroline: false, ticks: "", ...more,
});
