// Who is signed in, in the head of a page, with the way out.
import { find, make } from "./elements.js";
import { act, ask, forget, token } from "./graphql.js";

const ME = "query { me { username } }";
const SIGN_OUT = "mutation { signOut }";

export async function showVisitor() {
  if (!token()) return;
  const { me } = await ask(ME);
  if (!me) return;
  const out = make("button", { textContent: "Sign out", onclick: signOut });
  find("#account").replaceChildren(`Signed in as ${me.username} `, out);
}

async function signOut() {
  const signedOut = act(SIGN_OUT);
  // From now on the page asks as a stranger.
  forget();
  await signedOut;
  location.reload();
}
