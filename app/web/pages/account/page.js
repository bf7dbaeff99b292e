// Signing up and in as long as no front end of its own is set, and where the links in mails lead: a form, a mutation.
import { find, make } from "../pages/elements.js";
import { act, keep, token } from "../pages/graphql.js";

const username = { name: "username", label: "Username", autocomplete: "username" };
const password = { name: "password", label: "Password", type: "password", autocomplete: "current-password" };
const newPassword = { ...password, label: "New password", autocomplete: "new-password" };
const email = { name: "email", label: "E-mail address", type: "email", autocomplete: "email" };
const IN = "You are signed in";
// By its path: what a page does without a token, and what with the one of a mail's link.
const BEGIN = {
  "": { title: "Your account" },
  "sign-in": {
    title: "Sign in",
    fields: [email, password],
    query:
      "mutation ($input: SignInInput!) { answer: signIn(input: $input) { __typename ... on SignedIn { token user { username } } ... on Problem { message } } }",
    done: IN,
    button: "Sign in",
  },
  "sign-up": {
    title: "Sign up",
    about: "We send you an email with a link. It confirms your address and lets you choose a name and a password.",
    fields: [email],
    query:
      "mutation ($input: RequestSignUpInput!) { answer: requestSignUp(input: $input) { __typename ... on Problem { message } } }",
    done: "An email is on its way. Open the link in it.",
    button: "Send the email",
  },
  "reset-password": {
    title: "Request a new password",
    fields: [email],
    query:
      "mutation ($input: RequestPasswordResetInput!) { answer: requestPasswordReset(input: $input) { __typename ... on Problem { message } } }",
    done: "If the address has an account, an email is on its way to it.",
    button: "Send the email",
  },
  "verify-email": {
    title: "Confirm your address",
    about: "Open the link in the email to confirm your address. For another email, sign in and call requestEmailVerification.",
  },
  "join-team": {
    title: "Join a team",
    about: "Open the whole link of the invitation, or ask the admin of the team for another one.",
  },
};
const GO_ON = {
  "sign-up": {
    title: "Finish signing up",
    fields: [username, newPassword],
    query:
      "mutation ($input: SignUpInput!) { answer: signUp(input: $input) { __typename ... on SignedIn { token user { username } } ... on Problem { message } } }",
    done: IN,
    button: "Sign up",
    again: "Request another email",
  },
  "reset-password": {
    title: "Choose a new password",
    fields: [newPassword],
    query:
      "mutation ($input: ResetPasswordInput!) { answer: resetPassword(input: $input) { __typename ... on Problem { message } } }",
    done: "The password is changed. Sign in with it.",
    button: "Change the password",
    again: "Request another email",
  },
  "verify-email": {
    title: "Confirm your address",
    query:
      "mutation ($input: VerifyEmailInput!) { answer: verifyEmail(input: $input) { __typename ... on Problem { message } } }",
    done: "The address is confirmed.",
    button: "Confirm",
  },
  "join-team": {
    title: "Join a team",
    about: "Whoever joins sees the work of the team. Without a password, sign in with OpenStreetMap first, in this tab.",
    fields: [email, password],
    act: join,
    button: "Join",
  },
};
const JOIN =
  "mutation ($input: AcceptTeamInvitationInput!) { answer: acceptTeamInvitation(input: $input) { __typename ... on TeamMembership { team { name } user { username } } ... on Problem { message } } }";
const LINKS = {
  "sign-in": "Sign in",
  "sign-up": "Sign up",
  "reset-password": "Request a new password",
  "../osm/": "Sign in with OpenStreetMap",
  "../docs/": "Read the guide",
};

const [form, status, nav] = [find("form"), find("p[role=status]"), find("nav")];
const name = location.pathname.split("/").pop();

function show() {
  const sent = new URLSearchParams(location.hash.slice(1)).get("token");
  const page = (sent && GO_ON[name]) || BEGIN[name];
  document.title = `Fieldgraph · ${page.title}`;
  find("h1").textContent = page.title;
  find("#about").textContent = page.about ?? "";
  status.textContent = "";
  form.replaceChildren();
  form.hidden = !page.button;
  for (const { label, ...attributes } of (page.act && token() ? [] : page.fields) ?? []) {
    const field = make("label");
    field.append(label, make("input", { required: true, ...attributes }));
    form.append(field);
  }
  form.append(make("button", { textContent: page.button }));
  form.onsubmit = (event) => submit(event, page, sent);
  const links = Object.entries(LINKS).filter(([path]) => path !== name || sent);
  nav.replaceChildren(...links.map(([href, textContent]) => make("a", { href, textContent })));
  // The same page without its token: a link that only changes what is behind the # loads nothing anew.
  for (const link of nav.children) if (link.pathname === location.pathname) link.onclick = again;
  for (const link of nav.children) if (link.onclick && page.again) link.textContent = page.again;
}

function again(event) {
  event.preventDefault();
  history.replaceState(null, "", location.pathname);
  show();
}

async function submit(event, page, sent) {
  event.preventDefault();
  const input = { ...Object.fromEntries(new FormData(form)), ...(sent ? { token: sent } : {}) };
  form.querySelector("button").disabled = true;
  try {
    finish(page, await (page.act?.(input) ?? act(page.query, { input })));
  } catch (error) {
    status.textContent = error.message;
  }
  form.querySelector("button").disabled = false;
}

// Who has not signed in yet does it first, and stays signed in in this tab.
async function join({ token: invitation, ...credentials }) {
  if (!token()) keep((await act(BEGIN["sign-in"].query, { input: credentials })).token);
  const { team, user } = await act(JOIN, { input: { token: invitation } });
  return { done: `You joined the team ${team.name} as ${user.username}.` };
}

function finish(page, answer) {
  form.hidden = true;
  find("#about").textContent = "";
  status.textContent = answer.done ?? (answer.user ? `${page.done} as ${answer.user.username}.` : page.done);
  if (answer.token) {
    keep(answer.token);
    find("textarea").value = JSON.stringify({ Authorization: `Bearer ${answer.token}` });
    find("section").hidden = false;
    nav.hidden = true;
  }
}

addEventListener("hashchange", show);
show();
