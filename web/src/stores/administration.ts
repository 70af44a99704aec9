/** What those who keep the service ask: agencies and their keys, the accounts of staff, who is signed in. */
import type { Account, AccountInvitation, AccountWelcome, AdminSession, KeptAgency, NewAccount } from "../wire";
import { request } from "./api";

const of = (account: string) => `/admin/accounts/${encodeURIComponent(account)}`;

export async function keptAgencies(): Promise<KeptAgency[]> {
  return (await request<{ agencies: KeptAgency[] }>("GET", "/admin/agencies")).agencies;
}

export async function accounts(): Promise<Account[]> {
  return (await request<{ accounts: Account[] }>("GET", "/admin/accounts")).accounts;
}

export function inviteAccount(account: NewAccount): Promise<AccountInvitation> {
  return request("POST", "/admin/accounts", account);
}

/** The password and the second factor of now are void at once. */
export function renewAccount(account: string): Promise<AccountInvitation> {
  return request("POST", `${of(account)}/link`);
}

export function lockAccount(account: string, locked: boolean): Promise<Account> {
  return request("PATCH", of(account), { locked });
}

export function removeAccount(account: string): Promise<unknown> {
  return request("DELETE", of(account));
}

export async function allSessions(): Promise<AdminSession[]> {
  return (await request<{ sessions: AdminSession[] }>("GET", "/admin/sessions")).sessions;
}

export function endAnySession(session: string): Promise<unknown> {
  return request("DELETE", `/admin/sessions/${encodeURIComponent(session)}`);
}

/** For whom a link to an account is. Nothing is used up by asking. */
export function welcome(code: string): Promise<AccountWelcome> {
  return request("POST", "/staff/account/link", { code });
}

export function takeUp(code: string, password: string, totp: string): Promise<unknown> {
  return request("POST", "/staff/account", { code, password, totp });
}
