// The first page: who is signed in, the map, and the training that learns at the moment with its curve.
import { curve } from "../curve.js";
import { find, make } from "../elements.js";
import { ask } from "../graphql.js";
import { EPOCH, epochsOf, learning } from "../learning.js";
import { FieldMap } from "../map.js";
import { showVisitor } from "../visitor.js";

const PAUSE_MS = 30_000;
const FIRST_ZOOM_MAX = 6; // so that a coast shows where in the world it is
const LAYERS = [
  { name: "aois", color: "--areas" },
  { name: "predictions", color: "--predictions" },
  { name: "deployments", color: "--deployments" },
];
const TRAINING = `id epochs model { name } user { username } learningCurve { epochs { ${EPOCH} } }`;
const LEARNING = `query {
  running: trainings(status: RUNNING, first: 1) { nodes { ${TRAINING} } }
  finished: trainings(status: FINISHED, first: 1) { nodes { ${TRAINING} } }
}`;

async function showMap() {
  const map = new FieldMap(find("#map"), { layers: LAYERS });
  find("#closer").onclick = () => map.zoomBy(1);
  find("#farther").onclick = () => map.zoomBy(-1);
  const bounds = await map.bounds();
  if (bounds) map.fit(bounds, FIRST_ZOOM_MAX);
  find("#nothing").hidden = Boolean(bounds);
}

async function showLearning() {
  for (;;) {
    const { running, finished } = await ask(LEARNING);
    const [training] = [...running.nodes, ...finished.nodes];
    if (training) await follow(training, running.nodes.length > 0);
    await new Promise((resume) => setTimeout(resume, PAUSE_MS));
  }
}

async function follow(training, runs) {
  const epochs = epochsOf(training);
  show(training, epochs, runs ? "is learning" : "has learned");
  if (!runs) return;
  for await (const { status, progress, stage } of learning(training.id, epochs)) {
    const share = progress == null ? "" : `, ${Math.round(progress * 100)} %`;
    show(training, epochs, status === "FINISHED" ? "has learned" : `is learning${stage ? `: ${stage.toLowerCase()}` : ""}${share}`);
  }
}

function show(training, epochs, doing) {
  const by = training.user ? ` by ${training.user.username}` : "";
  const link = make("a", { href: `look/${training.id}`, textContent: training.model.name });
  find("#training").replaceChildren(link, `${by} ${doing}.`);
  find("#curve").replaceChildren(...(epochs.size ? [curve([...epochs.values()], training.epochs)] : []));
}

// What cannot be loaded stays as the page has it.
for (const part of [showVisitor, showMap, showLearning]) part().catch((error) => console.info(error.message));
