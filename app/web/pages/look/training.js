// A training: how it stands, its learning curve as it grows, a picture of its ground, and what was predicted with it.
import { curve } from "../curve.js";
import { make, word } from "../elements.js";
import { ask } from "../graphql.js";
import { EPOCH, epochsOf, learning } from "../learning.js";
import { facts } from "./facts.js";

const TRAINING = `query ($id: ID!) { training(id: $id) {
  status failure epochs zoomLevel chipsLength accuracy objectF1 suggestedConfidence
  model { name thumbnail publishedTraining { id } } user { username } job { progress stage }
  learningCurve { epochs { ${EPOCH} } }
  predictions(first: 10) { nodes { id description resultCount } }
} }`;
const ENDS = ["FINISHED", "FAILED", "CANCELLED"];

export async function showTraining(id, page) {
  const { training } = await ask(TRAINING, { id });
  const epochs = epochsOf(training);
  page.title(`A training of ${training.model.name}`);
  const drawing = make("div");
  const show = () => drawing.replaceChildren(epochs.size ? curve([...epochs.values()], training.epochs) : "No epoch is done yet.");
  show();
  page.view.replaceChildren(drawing, ...samples(id, training), facts(figures(training)), ...predictions(training));
  tell(page, training.status, training.job?.progress, training.job?.stage);
  if (ENDS.includes(training.status)) return;
  for await (const { status, progress, stage } of learning(id, epochs)) {
    show();
    tell(page, status ?? training.status, progress, stage);
    if (ENDS.includes(status)) return showTraining(id, page);
  }
}

function tell({ say }, status, progress, stage) {
  const share = progress == null || ENDS.includes(status) ? "" : ` · ${Math.round(progress * 100)} %`;
  say([word(status), ENDS.includes(status) ? null : stage].filter(Boolean).join(" · ") + share);
}

function samples(id, { model }) {
  if (!model.thumbnail || model.publishedTraining?.id !== id) return [];
  return [make("img", { src: model.thumbnail, alt: "Its ground from above", width: 256, height: 256 })];
}

function figures({ user, zoomLevel, chipsLength, accuracy, objectF1, suggestedConfidence, failure }) {
  return [
    ["Started by", user?.username],
    ["Failure", failure],
    ["Zoom levels", zoomLevel.join(", ")],
    ["Chips", chipsLength],
    ["IoU on validation ground", accuracy == null ? null : `${accuracy.toFixed(1)} %`],
    ["F1 over whole buildings", objectF1?.toFixed(2)],
    ["Suggested confidence", suggestedConfidence == null ? null : `${suggestedConfidence} %`],
  ];
}

function predictions({ predictions: { nodes } }) {
  const links = nodes.map(({ id, description, resultCount }) =>
    make("li", {}, make("a", { href: id, textContent: description || "Prediction" }), ` ${resultCount ?? 0} features`),
  );
  return links.length ? [make("h2", {}, "Predictions"), make("ul", {}, ...links)] : [];
}
