// Pointing at a dot shows its image, and what it belongs to.

const images = new Image();
images.src = data.images.src;

const showImage = (number) => {
  const { across, width, height } = data.images;
  const canvas = element("pointed-image");
  Object.assign(canvas, { width, height });
  const [left, top] = [(number % across) * width, Math.floor(number / across) * height];
  canvas.getContext("2d").drawImage(images, left, top, width, height, 0, 0, width, height);
  const groups = Object.entries(data.groups).map(([by, { names, index }]) => `${by} ${names[index[number]]}`);
  element("pointed-text").textContent = groups.join(", ");
};

const placeBeside = ({ clientX, clientY }) => {
  const card = element("pointed");
  card.hidden = false;
  const { width, height } = card.getBoundingClientRect();
  const left = clientX + 16 + width < window.innerWidth ? clientX + 16 : clientX - 16 - width;
  card.style.left = `${Math.max(4, left)}px`;
  card.style.top = `${Math.max(4, Math.min(clientY + 16, window.innerHeight - height - 4))}px`;
};

const watchPointer = () => {
  element("pairs").on("plotly_hover", ({ points: [{ pointNumber }], event }) => {
    showImage(pointNumber);
    placeBeside(event);
  });
  element("pairs").on("plotly_unhover", () => { element("pointed").hidden = true; });
};
