// oidc-provider as both servers use it: told by the tests what it knows, with an account picker as its only page.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import Provider, { interactionPolicy } from 'oidc-provider';

const INTERACTION = '/interaction/';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KID = randomBytes(8).toString('hex');
const SIGNING_KEY = { ...privateKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'RS256' };

/** A server on a free port of localhost; an error of `handle` is answered 500 with its words. It ends with stdin. */
export async function listen(handle) {
  const server = createServer((req, res) => handle(req, res).catch((error) => send(res, 500, String(error))));
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  process.stdin.resume().on('end', () => process.exit());
  return `http://localhost:${server.address().port}`;
}

export function send(res, status, body, type = 'application/json') {
  res.writeHead(status, { 'Content-Type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
}

export async function read(req) {
  return JSON.parse(await text(req));
}

/** A provider for what the tests told: `clients`, and `people` as lists of claims. `name` sets its cookies apart. */
export function makeProvider(name, issuer, base, told, settings) {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);
  const provider = new Provider(issuer, {
    clients: told.clients,
    jwks: { keys: [SIGNING_KEY] },
    conformIdTokenClaims: false, // Entra and Epic put the claims into the id_token, not behind userinfo
    pkce: { required: () => true },
    findAccount: (ctx, sub) => ({ accountId: sub, claims: () => told.people.find((person) => person.sub === sub) }),
    interactions: { policy, url: (ctx, interaction) => `${base}${INTERACTION}${interaction.uid}` },
    cookies: { keys: [randomBytes(16).toString('hex')], names: cookieNames(name) },
    // The library refuses to fetch a client's keys from the loopback interface.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    loadExistingGrant: grantWhatIsAsked,
    ...settings,
    features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true }, ...settings.features },
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  return provider;
}

function cookieNames(name) {
  return { session: `${name}_session`, interaction: `${name}_interaction`, resume: `${name}_resume` };
}

/** No consent page: what a registered client asks for was granted by its registration. */
async function grantWhatIsAsked(ctx) {
  const { client, provider, requestParamOIDCScopes, session } = ctx.oidc;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope([...requestParamOIDCScopes].join(' '));
  await grant.save();
  return grant;
}

export function isInteraction(req) {
  return req.url.startsWith(INTERACTION);
}

/** The account picker. `known` names who is signed in already, by the parameters of the authorization request. */
export async function interact(provider, people, req, res, known = () => undefined) {
  const { params } = await provider.interactionDetails(req, res);
  const accountId = known(params) ?? new URLSearchParams(await text(req)).get('person');
  if (accountId) return provider.interactionFinished(req, res, { login: { accountId }, select_account: {} });
  const buttons = people.map(({ sub, name }) => `<p><button name="person" value="${sub}">${name}</button></p>`);
  const page = `<!doctype html><h1>Who are you?</h1><form method="post">${buttons.join('')}</form>`;
  return send(res, 200, page, 'text/html');
}
