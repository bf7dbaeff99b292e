// How every page asks the API: with the token that this tab keeps until it is closed.
const TOKEN = "fieldgraph:token";
const PAUSES_S = [1, 2, 5, 10];
const ENDPOINT = new URL("../graphql", import.meta.url);

export const token = () => sessionStorage.getItem(TOKEN);
export const keep = (value) => sessionStorage.setItem(TOKEN, value);
export const forget = () => sessionStorage.removeItem(TOKEN);

export const headers = () => (token() ? { authorization: `Bearer ${token()}` } : {});

function request(query, variables, accept) {
  return fetch(ENDPOINT, {
    method: "POST",
    headers: { ...headers(), "content-type": "application/json", accept },
    body: JSON.stringify({ query, variables }),
  });
}

// The data of an operation. Throws an error with a sentence for people, and the API's code, if there is none.
export async function ask(query, variables) {
  let body;
  try {
    body = await (await request(query, variables, "application/json")).json();
  } catch {
    throw new Error("The server does not answer. Try again in a moment.");
  }
  if (!body.errors) return body.data;
  const [{ message, extensions }] = body.errors;
  if (extensions?.code === "UNAUTHENTICATED" && token()) {
    // It has ended, or was withdrawn: go on as a stranger.
    forget();
    return ask(query, variables);
  }
  throw Object.assign(new Error(message), { code: extensions?.code });
}

// The result of a document with a single mutation. A Problem is thrown as an error.
export async function act(query, variables) {
  const [result] = Object.values(await ask(query, variables));
  if (result?.message) throw new Error(result.message);
  return result;
}

// The events of a subscription by server-sent events. A lost connection continues after the last cursor.
export async function* listen(query, variables) {
  let [after, failures] = [null, 0];
  for (;;) {
    try {
      const reply = await request(query, { ...variables, after }, "text/event-stream");
      if (!reply.ok) return;
      for await (const { kind, data } of events(reply.body)) {
        if (kind === "complete") return;
        const { data: answer, errors } = JSON.parse(data);
        if (errors) return;
        failures = 0;
        const [event] = Object.values(answer);
        after = event.cursor;
        yield event;
      }
    } catch {
      // The connection was lost: ask again below.
    }
    await new Promise((resume) => setTimeout(resume, 1000 * PAUSES_S[Math.min(failures, PAUSES_S.length - 1)]));
    failures += 1;
  }
}

async function* events(body) {
  let text = "";
  for await (const chunk of chunks(body)) {
    text += chunk;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/:(.*)/s).map((each) => each.trim())));
      if (fields.event) yield { kind: fields.event, data: fields.data };
    }
  }
}

// Not every browser can iterate over a stream.
async function* chunks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}
