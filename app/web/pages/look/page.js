// Shows what an id names, when people would rather see it than read it. It uses the public API alone.
import { find } from "../elements.js";
import { ask, token } from "../graphql.js";
import { showVisitor } from "../visitor.js";
import { showClassification, showResource } from "./medium.js";
import { showPrediction } from "./prediction.js";
import { showTraining } from "./training.js";

const KIND = "query ($id: ID!) { node(id: $id) { __typename } }";
const VIEWS = {
  Classification: showClassification,
  Prediction: showPrediction,
  Resource: showResource,
  Training: showTraining,
};

const say = (text) => (find("[role=status]").textContent = text);

function title(text) {
  document.title = `Fieldgraph · ${text}`;
  find("h1").textContent = text;
}

async function show() {
  const id = decodeURIComponent(location.pathname.split("/").pop());
  say("Loading…");
  const { node } = await ask(KIND, { id });
  const view = VIEWS[node.__typename];
  if (view) await view(id, { say, title, view: find("#view") });
  else say(`A ${node.__typename} has no view here. Query it in GraphiQL.`);
}

function explain({ code, message }) {
  const isHidden = code === "NOT_FOUND" && !token();
  say(isHidden ? "There is nothing to look at, or you must sign in to see it." : message);
}

show().catch(explain);
showVisitor().catch((error) => console.info(error.message));
