// Charts, drawn from the tables of the page, which fold away behind them. Without Chart.js the tables stay as they are.

const SIZE = 8;
// What tells one column from another without colour, on a tile of eight pixels.
const PATTERNS = [
  (tile) => tile.fillRect(0, 0, SIZE, SIZE),
  (tile) => lines(tile, [[0, 8, 8, 0], [-2, 2, 2, -2], [6, 10, 10, 6]]),
  (tile) => lines(tile, [[0, 4, 8, 4]]),
  (tile) => tile.fillRect(2, 2, 3, 3),
  (tile) => lines(tile, [[4, 0, 4, 8]]),
  (tile) => lines(tile, [[0, 4, 8, 4], [4, 0, 4, 8]]),
  () => {},
];
const TONES = ["--primary", "--caution", "--note", "--bad", "--muted", "--good", "--ink"];

function lines(tile, strokes) {
  for (const [fromX, fromY, toX, toY] of strokes) {
    tile.beginPath();
    tile.moveTo(fromX, fromY);
    tile.lineTo(toX, toY);
    tile.stroke();
  }
}

function fill(number, tone, ground) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const tile = canvas.getContext("2d");
  tile.fillStyle = ground;
  tile.fillRect(0, 0, SIZE, SIZE);
  tile.fillStyle = tile.strokeStyle = tone;
  tile.lineWidth = 2;
  PATTERNS[number % PATTERNS.length](tile);
  return tile.createPattern(canvas, "repeat");
}

function read(figure) {
  const [first, ...columns] = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  const rows = [...figure.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
  const parts = figure.dataset.chart === "stacked" ? columns.slice(0, -1) : columns;
  return { first, labels: rows.map((row) => row[0]), parts, numbers: (column) => rows.map((row) => Number(row[column + 1])) };
}

function draw(figure, canvas) {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const { first, labels, parts, numbers } = read(figure);
  const axis = { stacked: true, grid: { color: token("--line") }, ticks: { color: token("--muted"), precision: 0 }, border: { color: token("--line-strong") } };
  const datasets = parts.map((label, number) => {
    const tone = token(TONES[number % TONES.length]);
    return { label, data: numbers(number), backgroundColor: fill(number, tone, token("--surface")), borderColor: tone, borderWidth: 1 };
  });
  return new window.Chart(canvas, {
    type: "bar",
    data: { labels, datasets },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index" },
      scales: { x: { ...axis, grid: { display: false }, title: { display: true, text: first, color: token("--muted") } }, y: { ...axis, beginAtZero: true } },
      plugins: { legend: { display: parts.length > 1, position: "bottom", labels: { color: token("--ink"), boxWidth: 24 } } },
    },
  });
}

function show(figure) {
  const frame = document.createElement("div");
  frame.className = "chart__frame";
  frame.setAttribute("aria-hidden", "true"); // the table says the same
  const canvas = frame.appendChild(document.createElement("canvas"));
  figure.prepend(frame);
  figure.querySelector("details").open = false;
  let chart = draw(figure, canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    chart.destroy();
    chart = draw(figure, canvas);
  });
}

if (window.Chart) {
  window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  document.querySelectorAll("figure[data-chart]").forEach(show);
}
