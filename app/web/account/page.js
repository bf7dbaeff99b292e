// Where the links in mails lead as long as no front end of its own is set: one form, one mutation.
const username = { name: "username", label: "Username", autocomplete: "username" };
const password = { name: "password", label: "New password", type: "password", autocomplete: "new-password" };
const email = { name: "email", label: "E-mail address", type: "email", autocomplete: "email" };
const PAGES = {
  "sign-up": {
    title: "Finish signing up",
    fields: [username, password],
    query: "mutation ($input: SignUpInput!) { answer: signUp(input: $input) { __typename ... on Problem { message } } }",
    done: "You have an account. Sign in with it.",
  },
  "reset-password": {
    title: "Choose a new password",
    fields: [password],
    query:
      "mutation ($input: ResetPasswordInput!) { answer: resetPassword(input: $input) { __typename ... on Problem { message } } }",
    done: "The password is changed. Sign in with it.",
  },
  "verify-email": {
    title: "Confirm your address",
    fields: [],
    query:
      "mutation ($input: VerifyEmailInput!) { answer: verifyEmail(input: $input) { __typename ... on Problem { message } } }",
    done: "The address is yours.",
  },
  ask: {
    title: "Ask for a new password",
    fields: [email],
    query:
      "mutation ($input: RequestPasswordResetInput!) { answer: requestPasswordReset(input: $input) { __typename ... on Problem { message } } }",
    done: "If the address has an account, a mail is on its way to it.",
  },
};

const token = new URLSearchParams(location.hash.slice(1)).get("token");
const page = PAGES[token ? location.pathname.split("/").pop() : "ask"];
const [form, status] = [document.querySelector("form"), document.querySelector("p")];

document.querySelector("h1").textContent = page.title;
for (const { label, ...attributes } of page.fields) {
  const field = document.createElement("label");
  field.append(label, Object.assign(document.createElement("input"), { required: true, ...attributes }));
  form.append(field);
}
form.append(Object.assign(document.createElement("button"), { textContent: "Go on" }));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = { ...Object.fromEntries(new FormData(form)), ...(token ? { token } : {}) };
  const reply = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: page.query, variables: { input } }),
  });
  const { data, errors } = await reply.json();
  const problem = errors?.[0].message ?? data.answer.message;
  status.textContent = problem ?? page.done;
  form.hidden = !problem;
});
