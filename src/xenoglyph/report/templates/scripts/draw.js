// Drawing: new images of a symbol, a code moved number by number, the way between two symbols.

if (decode) {
  const { symbols, step, ranges } = data.draws;
  const DRAWN = 10;
  const STEPS = 11;
  const state = { code: null };

  const canvas = (code) => {
    const made = document.createElement("canvas");
    paint(made, code);
    return made;
  };

  // Box and Muller: a standard normal number.
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  // Close to one of the codes that were recognised as the symbol: see xenoglyph.report.draws.
  const drawCode = (symbol) => {
    const own = symbols[symbol];
    const chosen = Math.floor(Math.random() * own.codes.length);
    const [mean, factor] = [components.means, components.factors].map((all) => all[own.components[chosen]]);
    const noise = mean.map(normal);
    return own.codes[chosen].map((value, i) => mean[i] + Math.sqrt(1 - step * step) * (value - mean[i])
      + step * noise.reduce((sum, e, j) => sum + factor[i][j] * e, 0));
  };

  // The recognised code that is nearest the middle of its component.
  const typical = symbols.map(({ codes, components: own }) => {
    const distances = codes.map((code, i) => -distance(code, own[i]));
    return codes[largest(distances)];
  });

  // ------------------------------------------------------------------------ the code in hand

  const sliders = [...document.querySelectorAll("#code input")];

  const tell = () => {
    const shares = belonging(state.code);
    const best = shares && largest(shares);
    element("told").textContent = shares
      ? `Among images with such a code, ${Math.round(100 * shares[best])} in 100 are symbol ${best}.`
      : "No image has a code like this.";
  };

  const show = (code) => {
    state.code = code;
    paint(element("picture"), code);
    sliders.forEach((slider, i) => {
      slider.value = code[i];
      slider.nextElementSibling.textContent = code[i].toFixed(2);
    });
    tell();
  };

  sliders.forEach((slider, i) => {
    const [low, high] = ranges[i];
    Object.assign(slider, { min: low, max: high, step: (high - low) / 200 });
    slider.addEventListener("input", () => {
      show(state.code.map((value, j) => (i === j ? slider.valueAsNumber : value)));
    });
  });

  // -------------------------------------------------------------------------- between symbols

  const walk = element("walk");
  const end = (id) => typical[Number(element(id).value)];
  const between = (t) => end("walk-from").map((value, i) => (1 - t) * value + t * end("walk-to")[i]);

  const layOut = () => {
    const codes = Array.from({ length: STEPS }, (_, i) => between(i / (STEPS - 1)));
    element("steps").replaceChildren(...codes.map(canvas));
  };

  walk.addEventListener("input", () => show(between(walk.valueAsNumber / 100)));
  ["walk-from", "walk-to"].forEach((id) => element(id).addEventListener("change", () => {
    layOut();
    show(between(walk.valueAsNumber / 100));
  }));

  // ---------------------------------------------------------------------------- new drawings

  const drawn = () => Number(element("drawing").elements.drawn.value);

  const drawAgain = () => {
    const symbol = drawn();
    const buttons = Array.from({ length: DRAWN }, (_, i) => {
      const [button, code] = [document.createElement("button"), drawCode(symbol)];
      button.type = "button";
      button.setAttribute("aria-label", `Drawing ${i + 1} of symbol ${symbol}: change it`);
      button.append(canvas(code));
      button.addEventListener("click", () => show(code));
      return button;
    });
    element("drawings").replaceChildren(...buttons);
    const { hits, trials } = symbols[symbol];
    element("drawn").textContent = `${DRAWN} new drawings of symbol ${symbol}. `
      + `Of ${trials} others made like these, ${hits} were taken for it.`;
  };

  element("drawing").addEventListener("change", () => {
    drawAgain();
    show(typical[drawn()]);
  });
  element("drawing").addEventListener("submit", (event) => {
    event.preventDefault(); // nothing is sent anywhere
    drawAgain();
  });

  layOut();
  drawAgain();
  show(typical[drawn()]);
}

// For the curious, and for tests: what the page computes of a code.
window.xenoglyph = { decode, belonging };
