/** What agencies' administrators and staff ask of authority: keys, grants, who heard whom, sessions. */
import type { AgencyGrant, AgencyKey, HeardRow, Ledger, OwnSession } from "../wire";
import { request } from "./api";

const of = (agency: string) => `/agencies/${encodeURIComponent(agency)}`;

export async function keysOf(agency: string): Promise<AgencyKey[]> {
  return (await request<{ keys: AgencyKey[] }>("GET", `${of(agency)}/keys`)).keys;
}

export function addKey(agency: string, jwk: unknown): Promise<AgencyKey> {
  return request("POST", `${of(agency)}/keys`, { jwk });
}

export function retireKey(agency: string, kid: string, until: Date): Promise<AgencyKey> {
  return request("PATCH", `${of(agency)}/keys/${encodeURIComponent(kid)}`, { until: until.toISOString() });
}

export function removeKey(agency: string, kid: string): Promise<unknown> {
  return request("DELETE", `${of(agency)}/keys/${encodeURIComponent(kid)}`);
}

export async function grantsOf(agency: string): Promise<AgencyGrant[]> {
  return (await request<{ grants: AgencyGrant[] }>("GET", `${of(agency)}/grants`)).grants;
}

export function revoke(participant: string): Promise<unknown> {
  return request("DELETE", `/grants?${new URLSearchParams({ participant })}`);
}

export async function heardOf(agency: string, date: string): Promise<HeardRow[]> {
  return (await request<{ rows: HeardRow[] }>("GET", `${of(agency)}/hearing?${new URLSearchParams({ date })}`)).rows;
}

export async function heardIn(meeting: string): Promise<HeardRow[]> {
  return (await request<{ rows: HeardRow[] }>("GET", `/meetings/${encodeURIComponent(meeting)}/hearing`)).rows;
}

export async function ownSessions(): Promise<OwnSession[]> {
  return (await request<{ sessions: OwnSession[] }>("GET", "/staff/sessions")).sessions;
}

export function endSession(session: string): Promise<unknown> {
  return request("DELETE", `/staff/sessions/${encodeURIComponent(session)}`);
}

/** What an agency pays for interpreting, or all agencies (for hosts, at their own offices); days included. */
export function ledgerOf(agency: string | null, first: string, last: string): Promise<Ledger> {
  return request("GET", `${agency ? of(agency) : ""}/ledger?${new URLSearchParams({ first, last })}`);
}
