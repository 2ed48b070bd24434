// Curves and bars: the message length, the loss, the resamplings.

// Linear near zero, logarithmic above: what decides are a few nats among thousands.
const natsAxis = (highest) => {
  const ticks = [0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].filter((tick) => tick <= Math.max(highest, 1));
  return axis("nats above the shortest", {
    tickvals: ticks.map(Math.log1p), ticktext: ticks.map((tick) => tick.toLocaleString("en")),
  });
};
const exactly = (nats) => nats.toLocaleString("en", { maximumFractionDigits: 1 });

const byK = () => {
  const marked = new Map([[data.chosen, "chosen"], [data.runner_up, "next best"]]);
  const heights = data.best.map(([, nats]) => nats);
  const highest = Math.max(...heights, 1);
  plot("by-k", [{
    type: "scatter", mode: "lines+markers+text", line: { color: variable("--accent") }, hoverinfo: "text", cliponaxis: false,
    x: data.best.map(([k]) => k), y: heights.map(Math.log1p),
    hovertext: data.best.map(([k, nats]) => `k = ${k}: ${exactly(nats)} nats above`),
    text: data.best.map(([k]) => marked.get(k) || ""),
    textposition: data.best.map(([k]) => (k < data.chosen ? "middle left" : k === data.chosen ? "bottom center" : "middle right")),
    marker: {
      size: data.best.map(([k]) => (k === data.chosen ? 14 : marked.has(k) ? 10 : 6)), opacity: 1,
      color: data.best.map(([k]) => (marked.has(k) ? vermilion : variable("--accent"))),
    },
  }], { xaxis: axis("components k"), yaxis: { ...natsAxis(highest), range: [-0.1, 1.05].map((share) => share * Math.log1p(highest)) } });
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
  plot("by-sweep", [
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
  plot("loss", traces, {
    xaxis: axis("epoch"), yaxis: axis("loss"), showlegend: true,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom" }, margin: { t: 34, r: 10, b: 42, l: 60 },
  });
};

const resamplings = () => {
  if (!data.resamplings.length) return;
  plot("resamplings", [{
    type: "bar", x: data.resamplings.map(([number]) => String(number)), y: data.resamplings.map(([, count]) => count),
    text: data.resamplings.map(([, count]) => String(count)), textposition: "outside", cliponaxis: false, hoverinfo: "skip",
    marker: { color: data.resamplings.map(([number]) => variable(number === data.n_symbols ? "--accent" : "--bars")) },
  }], {
    xaxis: axis("symbols found", { type: "category" }), yaxis: axis("resamplings", { rangemode: "tozero" }),
    margin: { t: 24, r: 10, b: 42, l: 60 },
  });
};

plots.push(byK, bySweep, loss, resamplings);
