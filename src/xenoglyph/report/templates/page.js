"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  // The palette and markers of xenoglyph.plotting.
  const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#6E6E6E", "#602000"];
  const markers = ["circle", "triangle-up", "square", "diamond"];
  const outlines = ["M6 1a5 5 0 1 0 .01 0z", "M6 1l5 10h-10z", "M1 1h10v10h-10z", "M6 0l6 6-6 6-6-6z"];
  const vermilion = colours[1];
  const colourOf = (group) => colours[group % colours.length];
  const markerOf = (group) => Math.floor(group / colours.length) % markers.length;

  const element = (id) => document.getElementById(id);
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Plotly reads a little HTML in its texts; users' names are to be read as they are.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const unique = (values) => [...new Set(values)];

  let paperWidth = null; // in pixels, while the page is printed

  const draw = (id, traces, layout) => {
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

  // ------------------------------------------------------------------------- the space of codes

  const state = { by: "symbol", alone: new Set() };
  const d = data.codes.length;

  const hover = data.codes[0].map((_, i) =>
    Object.entries(data.groups).map(([by, { names, index }]) => `${by} ${plain(names[index[i]])}`).join(", "));

  const paint = (size) => {
    const { index } = data.groups[state.by];
    const shown = (group) => !state.alone.size || state.alone.has(group);
    return {
      size: index.map((group) => (shown(group) ? size : size * 0.7)),
      color: index.map((group) => (shown(group) ? colourOf(group) : variable("--line"))),
      symbol: index.map((group) => markers[markerOf(group)]),
      line: { width: 0 },
      opacity: 0.85,
    };
  };

  // One axis across for each column of panels and one up for each row; the histograms on the
  // diagonal have their own counts.
  const pairsLayout = (side) => {
    const gap = 0.012;
    const domain = (place) => [place / d + (place ? gap / 2 : 0), (place + 1) / d - gap / 2];
    const layout = { height: side, margin: { t: 4, r: 4, b: 40, l: 44 }, bargap: 0, dragmode: "zoom" };
    const quiet = side < 600 ? { showticklabels: false } : { nticks: 4, tickfont: { size: 10 } };
    for (let i = 0; i < d; i += 1) {
      layout[`xaxis${i + 1}`] = axis(`code ${i}`, { domain: domain(i), anchor: `y${d > 1 ? d : 2}`, ...quiet });
      layout[`yaxis${i + 1}`] = axis(i ? `code ${i}` : "", {
        domain: domain(d - 1 - i), anchor: "x1", matches: `x${i + 1}`, ...quiet,
      });
      layout[`yaxis${d + i + 1}`] = {
        domain: domain(d - 1 - i), anchor: `x${i + 1}`, showticklabels: false, showgrid: false, zeroline: false, fixedrange: true,
      };
    }
    return layout;
  };

  const pairs = () => {
    const width = Math.min(paperWidth || Infinity, element("pairs").parentElement.clientWidth - 40);
    const side = Math.max(300, Math.min(width, 1060, 240 * Math.max(d, 2)));
    const marker = paint(Math.max(2, Math.min(6, side / d / 42)));
    const traces = data.histograms.map((histogram, i) => ({
      type: "bar", ...histogram, xaxis: `x${i + 1}`, yaxis: `y${d + i + 1}`, hoverinfo: "skip", marker: { color: variable("--bars") },
    }));
    for (let row = 1; row < d; row += 1) {
      for (let column = 0; column < row; column += 1) {
        traces.push({
          type: "scatter", mode: "markers", x: data.codes[column], y: data.codes[row],
          xaxis: `x${column + 1}`, yaxis: `y${row + 1}`, text: hover, hoverinfo: "text", marker,
        });
      }
    }
    return draw("pairs", traces, pairsLayout(side));
  };

  const swatch = (group) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 12 12");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", outlines[markerOf(group)]);
    path.setAttribute("fill", colourOf(group));
    svg.append(path);
    return svg;
  };

  const legend = () => {
    const { names, index } = data.groups[state.by];
    const buttons = unique(index).sort((a, b) => a - b).map((group) => {
      const [button, name] = [document.createElement("button"), document.createElement("span")];
      name.textContent = names[group];
      button.type = "button";
      button.setAttribute("aria-pressed", String(state.alone.has(group)));
      button.append(swatch(group), name);
      button.addEventListener("click", () => {
        if (!state.alone.delete(group)) state.alone.add(group);
        button.setAttribute("aria-pressed", String(state.alone.has(group)));
        pairs();
      });
      return button;
    });
    element("legend").replaceChildren(...buttons);
  };

  // ---------------------------------------------------------------------------- message length

  // Linear near zero, logarithmic above: what decides are a few nats among thousands.
  const natsAxis = (highest) => {
    const ticks = [0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].filter((tick) => tick <= Math.max(highest, 1));
    return axis("nats above the shortest", {
      tickvals: ticks.map(Math.log1p), ticktext: ticks.map((tick) => tick.toLocaleString("en")),
    });
  };
  const exactly = (nats) => nats.toLocaleString("en", { maximumFractionDigits: 1 });

  const byK = () => {
    const { chosen } = data;
    const heights = data.best.map(([, nats]) => nats);
    draw("by-k", [{
      type: "scatter", mode: "lines+markers", line: { color: variable("--accent") }, hoverinfo: "text", cliponaxis: false,
      x: data.best.map(([k]) => k), y: heights.map(Math.log1p),
      text: data.best.map(([k, nats]) => `k = ${k}: ${exactly(nats)} nats above`),
      marker: {
        size: data.best.map(([k]) => (k === chosen ? 14 : 6)),
        color: data.best.map(([k]) => (k === chosen ? vermilion : variable("--accent"))), opacity: 1,
      },
    }], { xaxis: axis("components k"), yaxis: natsAxis(Math.max(...heights)) });
  };

  // As in xenoglyph.plotting: what became of components, and how it is marked.
  const looks = () => ({
    split: ["split", "triangle-up", colours[2]],
    merge: ["merged", "diamond", colours[3]],
    deletion: ["taken out", "x", vermilion],
    annihilation: ["starved", "triangle-down", variable("--ink")],
  });

  const bySweep = () => {
    const height = new Map(data.ledger.map(([sweep, , nats]) => [sweep, nats]));
    const changes = Object.entries(looks()).flatMap(([kind, [name, symbol, color]]) => {
      const sweeps = unique(data.events.filter(([, own]) => own === kind).map(([sweep]) => sweep));
      return sweeps.length ? [{
        type: "scatter", mode: "markers", name, marker: { symbol, color, size: 8 }, hoverinfo: "skip", showlegend: true,
        x: sweeps, y: sweeps.map((sweep) => Math.log1p(height.get(sweep))),
      }] : [];
    });
    draw("by-sweep", [
      {
        type: "scatter", mode: "lines", line: { color: variable("--accent"), width: 1.5 }, hoverinfo: "text", showlegend: false,
        x: data.ledger.map(([sweep]) => sweep), y: data.ledger.map(([, , nats]) => Math.log1p(nats)),
        text: data.ledger.map(([sweep, k, nats]) => `sweep ${sweep}, k = ${k}: ${exactly(nats)} nats above`),
      },
      ...changes,
    ], {
      xaxis: axis("sweep"), yaxis: natsAxis(Math.max(...height.values())), showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" }, margin: { t: 34, r: 10, b: 42, l: 60 },
    });
  };

  const loss = () => {
    const named = { loss: "training images", validation_loss: "held-out images" };
    const traces = Object.entries(named).filter(([key]) => data.history[key].length).map(([key, name], i) => ({
      type: "scatter", mode: "lines", name, line: { color: i ? vermilion : variable("--accent") }, hoverinfo: "x+y",
      x: data.history[key].map((_, epoch) => epoch + 1), y: data.history[key],
    }));
    draw("loss", traces, {
      xaxis: axis("epoch"), yaxis: axis("loss"), showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" }, margin: { t: 34, r: 10, b: 42, l: 60 },
    });
  };

  // ---------------------------------------------------------------------------------- the page

  const everything = () => { pairs(); byK(); bySweep(); loss(); };
  element("colour").addEventListener("change", (event) => {
    state.by = event.target.value;
    state.alone.clear();
    legend();
    pairs();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", everything);

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
})();
