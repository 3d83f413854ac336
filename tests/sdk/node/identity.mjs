// An OpenID provider (panva's `oidc-provider`, certified), with people of whom it says what the
// stories need.
//
// Prints its issuer once it listens. CLIENT_SECRET is what the gateway shows, REDIRECT where it
// wants people back. Whoever's name is typed into its form signs in, with any password. What it
// says of them stands at its userinfo endpoint. `PUT` changes that: {"name": …, "claims": {…}}.

import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const library = join(process.env.NODE_PATH, "oidc-provider/lib/index.js");
const { default: Provider } = await import(pathToFileURL(library));

const people = {
  ada: { email: "ada@example.com", email_verified: true, name: "Ada", groups: ["admins"] },
  ben: { email: "ben@example.com", email_verified: true, name: "Ben", groups: ["search"] },
  // She can write anything into her profile, as with some providers.
  eve: { email: "boss@example.com", email_verified: false, name: "Eve", groups: [] },
  zed: { email: "zed@elsewhere.example", email_verified: true, name: "Zed", groups: ["admins"] },
};

// What a person is may change while the story goes on.
const change = ({ name, claims }) => Object.assign((people[name] ??= {}), claims);

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "tollgate",
      client_secret: process.env.CLIENT_SECRET,
      redirect_uris: [process.env.REDIRECT],
    },
  ],
  claims: { email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  scopes: ["openid", "email", "profile", "groups"],
  cookies: { keys: ["of a test"] },
  findAccount: (_, accountId) => ({
    accountId,
    claims: () => ({ sub: accountId, ...people[accountId] }),
  }),
});

const answer = provider.callback();
server.on("request", (request, response) => {
  if (request.method !== "PUT") return answer(request, response);
  let text = "";
  request.on("data", (piece) => (text += piece));
  request.on("end", () => response.end(String(change(JSON.parse(text)) && "ok")));
});
console.log(issuer);
