// A training's learning curve as a drawing: validation IoU and the losses by epoch.
import { draw } from "./elements.js";

const [WIDTH, HEIGHT, MARGIN] = [640, 240, 34];
const LINES = [
  ["validationIou", "Validation IoU", "first"],
  ["loss", "Loss", "second"],
  ["validationLoss", "Validation loss", "third"],
];

export function curve(epochs, total) {
  const last = Math.max(total ?? 0, 2, ...epochs.map((epoch) => epoch.number));
  const top = Math.max(1, ...epochs.flatMap((epoch) => [epoch.loss, epoch.validationLoss ?? 0]));
  const x = (number) => MARGIN + ((number - 1) / (last - 1)) * (WIDTH - 2 * MARGIN);
  const y = (share) => HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN);
  const drawing = draw("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "curve",
    role: "img",
    "aria-label": describe(epochs),
  });
  for (const share of [0, 0.5, 1]) {
    drawing.append(
      draw("line", { x1: MARGIN, x2: WIDTH - MARGIN, y1: y(share), y2: y(share), class: "grid" }),
      draw("text", { x: MARGIN - 6, y: y(share) + 4, "text-anchor": "end" }, `${share}`),
    );
  }
  drawing.append(
    draw("text", { x: x(1), y: HEIGHT - 14 }, "epoch 1"),
    draw("text", { x: x(last), y: HEIGHT - 14, "text-anchor": "end" }, `${last}`),
  );
  LINES.forEach(([name, label, style], index) => {
    const of = name === "validationIou" ? 1 : top;
    const points = epochs.filter((epoch) => epoch[name] != null);
    const path = points.map((epoch) => `${x(epoch.number).toFixed(1)},${y(epoch[name] / of).toFixed(1)}`).join(" ");
    const key = { x: MARGIN + index * 190, y: 16, class: `key ${style}` };
    drawing.append(draw("polyline", { points: path, class: style }), draw("text", key, label + (of > 1 ? `, to ${of.toFixed(1)}` : "")));
    if (points.length === 1) drawing.append(draw("circle", { cx: x(points[0].number), cy: y(points[0][name] / of), r: 3, class: style }));
  });
  return drawing;
}

function describe(epochs) {
  const reached = epochs.findLast((epoch) => epoch.validationIou != null);
  const count = `${epochs.length} ${epochs.length === 1 ? "epoch" : "epochs"}`;
  return reached ? `Learning curve: ${count}, validation IoU ${reached.validationIou.toFixed(2)}` : `Learning curve: ${count}`;
}
