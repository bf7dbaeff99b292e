// How a training learns: its epochs so far, and each as it comes.
import { ask, listen } from "./graphql.js";

export const EPOCH = "number loss validationLoss validationIou";
const CURVE = `query ($id: ID!) { training(id: $id) { learningCurve { epochs { ${EPOCH} } } } }`;
const UPDATES = `subscription ($id: ID!, $after: String) { trainingUpdated(trainingId: $id, after: $after) {
  cursor status progress stage epoch { ${EPOCH} }
} }`;

// The epochs of a training, by their numbers.
export const epochsOf = ({ learningCurve }) => new Map(learningCurve?.epochs.map((epoch) => [epoch.number, epoch]));

// The events of a training. Its epochs are put into the map: also those that ended while this began to listen.
export async function* learning(id, epochs) {
  let isFirst = true;
  for await (const event of listen(UPDATES, { id })) {
    const { training } = isFirst ? await ask(CURVE, { id }) : { training: {} };
    isFirst = false;
    for (const [number, epoch] of epochsOf(training)) epochs.set(number, epoch);
    if (event.epoch) epochs.set(event.epoch.number, event.epoch);
    yield event;
  }
}
