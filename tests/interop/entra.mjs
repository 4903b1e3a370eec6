// oidc-provider at Microsoft Entra ID's paths, for one tenant.
import { interact, isInteraction, listen, makeProvider, read, send } from './provider.mjs';

const TENANT = /^(\/[^/]+)(?:\/v2\.0(?=\/\.well-known))?/; // stands before every endpoint
const url = await listen(handle);
let told, provider;
console.log(JSON.stringify({ url }));

/** Told: `tid`, `graph` (the one resource, and its `roles` for whoever asks app-only), clients, people. */
function begin(tellings) {
  told = tellings;
  provider = makeProvider('entra', `${url}/${told.tid}/v2.0`, url, told, {
    routes: {
      authorization: '/oauth2/v2.0/authorize',
      token: '/oauth2/v2.0/token',
      jwks: '/discovery/v2.0/keys',
    },
    claims: { openid: ['sub', 'tid', 'oid'], profile: ['name', 'preferred_username', 'wids'] },
    extraTokenClaims: (ctx, token) => ({ tid: told.tid, appid: token.clientId, roles: told.roles }),
    features: { resourceIndicators: { enabled: true, defaultResource, getResourceServerInfo } },
  });
}

function defaultResource(ctx) {
  return ctx.oidc.params.grant_type === 'client_credentials' ? told.graph : undefined;
}

function getResourceServerInfo() {
  const scope = `${told.graph}/.default`;
  return { scope, audience: told.graph, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
}

async function handle(req, res) {
  if (req.method === 'PUT') {
    begin(await read(req));
    return send(res, 200, {});
  }
  if (isInteraction(req)) return interact(provider, told.people, req, res);
  const [before, tenant] = req.url.match(TENANT);
  req.url = req.url.slice(before.length);
  req.originalUrl = tenant + req.url; // from where the library tells under which path it stands
  return provider.callback()(req, res);
}
