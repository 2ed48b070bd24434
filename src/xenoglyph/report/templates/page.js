"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8C8C8C", "#A89500"];
  const markers = ["circle", "triangle-up", "square", "diamond"];
  const options = { responsive: true, displaylogo: false, displayModeBar: false };
  const element = (id) => document.getElementById(id);
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const axis = (title, more) => ({
    title: { text: title }, gridcolor: variable("--line"), zeroline: false, automargin: true, ...more,
  });
  const layout = (more) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: variable("--ink"), size: 12 }, margin: { t: 12, r: 12, b: 44, l: 56 }, ...more,
  });
  const draw = (id, traces, more) => Plotly.react(element(id), traces, layout(more), options);

  const scatter = () => {
    const [x, y] = ["across", "up"].map((id) => Number(element(id).value));
    const by = element("colour").value;
    const groups = data.groups[by];
    const names = [...new Set(groups)].sort((a, b) => (a > b) - (a < b));
    const traces = names.map((name, g) => {
      const own = groups.flatMap((group, i) => (group === name ? [i] : []));
      return {
        type: "scatter", mode: "markers", name: String(name).replace(/</g, "&lt;"),
        x: own.map((i) => data.codes[x][i]), y: own.map((i) => data.codes[y][i]),
        hoverinfo: "name", marker: {
          size: 6, opacity: 0.8, color: colours[g % colours.length],
          symbol: markers[Math.floor(g / colours.length) % markers.length],
        },
      };
    });
    draw("scatter", traces, {
      xaxis: axis(`code ${x}`), yaxis: axis(`code ${y}`), showlegend: true,
      legend: { title: { text: by } },
    });
  };

  const histograms = () => {
    const d = data.histograms.length;
    const columns = Math.min(d, element("histograms").clientWidth < 600 ? 2 : 3);
    const traces = data.histograms.map((h, j) => ({
      type: "bar", x: h.x, y: h.y, hoverinfo: "x+y", marker: { color: "#8FA3B3" },
      xaxis: `x${j + 1}`, yaxis: `y${j + 1}`,
    }));
    const axes = {};
    data.histograms.forEach((_, j) => {
      axes[`xaxis${j + 1}`] = axis(`code ${j}`);
      axes[`yaxis${j + 1}`] = axis("", { showticklabels: false });
    });
    draw("histograms", traces, {
      grid: { rows: Math.ceil(d / columns), columns, pattern: "independent", ygap: 0.45 },
      bargap: 0, showlegend: false, ...axes,
    });
  };

  const length = () => {
    const ks = data.best.map(([k]) => k);
    const lengths = data.best.map(([, nats]) => nats);
    const low = Math.min(...lengths);
    const reach = Math.max(Math.max(...lengths) - low, 1);
    const won = ks[lengths.indexOf(low)];
    draw("length", [
      {
        type: "scatter", mode: "markers", name: "every sweep", marker: { size: 4, color: "#9AA5AF" },
        x: data.ledger.map((s) => s[1]), y: data.ledger.map((s) => s[2]),
        text: data.ledger.map((s) => `sweep ${s[0]}`), hoverinfo: "text+x+y",
      },
      {
        type: "scatter", mode: "lines+markers", name: "converged", x: ks, y: lengths,
        line: { color: colours[0] }, hoverinfo: "x+y",
      },
      {
        type: "scatter", mode: "markers", name: `shortest: ${won}`, x: [won], y: [low],
        marker: { size: 13, color: colours[1] }, hoverinfo: "x+y",
      },
    ], {
      xaxis: axis("number of components"),
      yaxis: axis("message length (nats)", { range: [low - 0.08 * reach, low + 1.15 * reach], tickformat: ",.0f" }),
      legend: { orientation: "h", y: 1.12 },
    });
  };

  const loss = () => {
    const named = { loss: "training images", validation_loss: "held-out images" };
    const traces = Object.entries(named).filter(([key]) => data.history[key].length).map(([key, name], i) => ({
      type: "scatter", mode: "lines", name, line: { color: colours[i] },
      x: data.history[key].map((_, epoch) => epoch + 1), y: data.history[key],
    }));
    draw("loss", traces, {
      xaxis: axis("epoch"), yaxis: axis("loss (nats per pixel)"), showlegend: true,
      legend: { orientation: "h", y: 1.12 },
    });
  };

  const everything = () => { scatter(); histograms(); length(); loss(); };
  ["across", "up", "colour"].forEach((id) => element(id).addEventListener("change", scatter));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", everything);
  everything();
})();
