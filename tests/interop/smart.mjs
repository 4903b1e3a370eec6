// oidc-provider as the authorization server of an EHR, and the EHR's FHIR server on another address beside it.
import { errors } from 'oidc-provider';
import { interact, isInteraction, listen, makeProvider, read, send } from './provider.mjs';

const BASE = '/api/FHIR/R4';
const STATUS = '/api/epic/2018/Telehealth/ContextLinking/SetExternalConnectionStatus';
const SCOPES = ['openid', 'launch', 'fhirUser', 'user/Practitioner.read', 'user/Organization.read'];

const url = await listen(authorize);
const fhir = await listen(answer);
const issuer = `${url}/oauth2`;
const contexts = new Map(); // launch context by the grant it belongs to
const statuses = [];
let told, provider;
console.log(JSON.stringify({ url, base_url: fhir + BASE }));

/** Told: clients, people, practitioners (FHIR resources), and launches by token: `person` and `context`. */
function begin(tellings) {
  told = tellings;
  statuses.length = 0;
  provider = makeProvider('ehr', issuer, url, told, {
    scopes: SCOPES,
    claims: { openid: ['sub'], fhirUser: ['fhirUser'] },
    extraParams: { aud: mustBeOurs, launch: mustBeKnown },
    enabledJWA: { clientAuthSigningAlgValues: ['RS384', 'ES384'] }, // what SMART requires of servers
  });
  provider.use(addLaunchContext);
}

function mustBeOurs(ctx, aud) {
  if (aud !== fhir + BASE) throw new errors.InvalidRequest('aud is not the FHIR server of this authorization server');
}

function mustBeKnown(ctx, launch) {
  if (launch !== undefined && !told.launches[launch]) throw new errors.InvalidRequest('launch is unknown');
}

/** SMART App Launch: the context of a launch stands beside the access token. */
async function addLaunchContext(ctx, next) {
  await next();
  const { Grant } = ctx.oidc?.entities ?? {};
  if (ctx.oidc?.route === 'resume' && Grant) contexts.set(Grant.jti, told.launches[ctx.oidc.params.launch]?.context);
  if (ctx.oidc?.route === 'token' && Grant && ctx.status === 200) Object.assign(ctx.body, contexts.get(Grant.jti));
}

async function authorize(req, res) {
  if (req.method === 'PUT') {
    begin(await read(req));
    return send(res, 200, {});
  }
  const launched = ({ launch }) => told.launches[launch]?.person;
  if (isInteraction(req)) return interact(provider, told.people, req, res, launched);
  req.originalUrl = req.url;
  req.url = req.url.replace(/^\/oauth2/, '');
  return provider.callback()(req, res);
}

async function answer(req, res) {
  const { pathname, searchParams } = new URL(req.url, fhir);
  if (pathname === `${BASE}/.well-known/smart-configuration`) return send(res, 200, configuration());
  if (pathname === `${BASE}/metadata`) return send(res, 200, capabilities(), 'application/fhir+json');
  if (pathname === '/statuses') return send(res, 200, statuses);
  if (pathname === STATUS) return setStatus(req, res, Object.fromEntries(searchParams));
  return readPractitioner(req, res, pathname);
}

function configuration() {
  return {
    issuer,
    jwks_uri: provider.urlFor('jwks'),
    authorization_endpoint: provider.urlFor('authorization'),
    token_endpoint: provider.urlFor('token'),
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
    grant_types_supported: ['authorization_code', 'client_credentials'],
    scopes_supported: SCOPES,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    capabilities: ['launch-ehr', 'launch-standalone', 'client-confidential-asymmetric', 'sso-openid-connect'],
  };
}

function capabilities() {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    software: { name: 'An EHR of another make', version: '1' },
    fhirVersion: '4.0.1',
    format: ['json'],
  };
}

function bearer(req) {
  return (req.headers.authorization ?? '').replace(/^Bearer /, '');
}

async function readPractitioner(req, res, pathname) {
  const token = await provider.AccessToken.find(bearer(req));
  const found = told.practitioners.find(({ id }) => pathname === `${BASE}/Practitioner/${id}`);
  const granted = token?.scopes.has('user/Practitioner.read');
  const outcome = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'forbidden' }] };
  return send(res, granted && found ? 200 : 403, granted && found ? found : outcome, 'application/fhir+json');
}

async function setStatus(req, res, call) {
  const token = await provider.ClientCredentials.find(bearer(req));
  if (token) statuses.push(call);
  return send(res, token ? 200 : 401, '', 'text/plain');
}
