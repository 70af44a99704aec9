"""Every call of the REST API. What is served and what `openapi.json` says both come from here."""

from signaling.api import (
    admin,
    agencies,
    connection,
    grants,
    hearing,
    invitations,
    ledger,
    meetings,
    models,
    pool,
    screens,
    service,
    staff,
    stations,
    token,
)
from signaling.api.route import Access, Route

_ONE = "/meetings/{meeting}"
_STATION = "/meetings/{meeting}/stations/{station}"
_AGENCY = "/agencies/{agency}"
_ACCOUNT = "/admin/accounts/{account}"
_CONFLICT = (409,)

ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/meetings", "createMeeting", "Create a meeting",
        meetings.create, models.Meeting, 201, body=models.NewMeeting,
    ),
    Route(
        "GET", "/meetings", "listMeetings", "The meetings of a site, on one or several days",
        meetings.index, models.Meetings, query=models.MeetingFilter,
    ),
    Route("GET", _ONE, "readMeeting", "One meeting", meetings.show, models.Meeting),
    Route(
        "PATCH", _ONE, "changeMeeting", "Change a meeting",
        meetings.change, models.Meeting, body=models.MeetingChange, statuses=_CONFLICT,
    ),
    Route(
        "DELETE", _ONE, "eraseMeeting", "End a meeting and erase the newcomer's content",
        meetings.erase, None, 204, statuses=_CONFLICT,
    ),
    Route(
        "POST", f"{_ONE}/pause", "pauseMeeting", "Let nobody outside the office receive anything",
        meetings.pause, models.Meeting, statuses=_CONFLICT, restricts=True,
    ),
    Route(
        "POST", f"{_ONE}/resume", "resumeMeeting", "Go on after a pause",
        meetings.resume, models.Meeting, statuses=_CONFLICT,
    ),
    Route(
        "POST", f"{_ONE}/end", "endMeeting", "End a meeting for good",
        meetings.end, models.Meeting, statuses=_CONFLICT, restricts=True,
    ),
    Route(
        "GET", f"{_ONE}/hearing", "readHearing", "Who could hear whom, and when",
        hearing.of_meeting, models.Hearing, statuses=(503,),
    ),
    Route(
        "POST", f"{_ONE}/stations", "addStation", "Add a station at the end",
        stations.add, models.Meeting, 201, body=models.NewStation, statuses=_CONFLICT,
    ),
    Route(
        "PATCH", _STATION, "changeStation", "Change or move a station",
        stations.change, models.Meeting, body=models.StationChange, statuses=_CONFLICT,
    ),
    Route(
        "POST", f"{_STATION}/start", "startStation", "Start a station; the active one goes back to called",
        stations.start, models.Meeting, statuses=_CONFLICT,
    ),
    Route(
        "POST", f"{_STATION}/finish", "finishStation", "Finish an active station for good",
        stations.finish, models.Meeting, statuses=_CONFLICT, restricts=True,
    ),
    Route(
        "POST", f"{_STATION}/skip", "skipStation", "Leave a station out for good",
        stations.skip, models.Meeting, statuses=_CONFLICT,
    ),
    Route(
        "POST", f"{_ONE}/invitations", "createInvitation", "Make a one-time link",
        invitations.create, models.Invitation, 201, body=models.NewInvitation, statuses=_CONFLICT,
    ),
    Route(
        "DELETE", "/invitations/{invitation}", "revokeInvitation", "Take a one-time link back",
        invitations.revoke, None, 204, statuses=(404, 409),
    ),
    Route(
        "DELETE", "/grants", "revokeGrants", "Take back what was given; all filters that are given must fit",
        grants.revoke, models.RevokedGrants, access=Access.STAFF, query=models.GrantFilter,
        statuses=(400, 404, 409), restricts=True,
    ),
    Route(
        "GET", f"{_AGENCY}/keys", "listAgencyKeys", "The keys that an agency signs with",
        agencies.keys, models.AgencyKeys, access=Access.AGENCIES,
    ),
    Route(
        "POST", f"{_AGENCY}/keys", "addAgencyKey", "Register a public key",
        agencies.add_key, models.AgencyKey, 201, access=Access.AGENCIES, body=models.NewAgencyKey,
        statuses=_CONFLICT,
    ),
    Route(
        "PATCH", f"{_AGENCY}/keys/{{kid}}", "changeAgencyKey", "Say until when a key signs",
        agencies.change_key, models.AgencyKey, access=Access.AGENCIES, body=models.AgencyKeyChange,
    ),
    Route(
        "DELETE", f"{_AGENCY}/keys/{{kid}}", "removeAgencyKey", "Take a key away, with whoever it let in",
        agencies.remove_key, None, 204, access=Access.AGENCIES,
    ),
    Route(
        "GET", f"{_AGENCY}/grants", "listAgencyGrants", "The places of an agency's officers in meetings",
        agencies.grants, models.AgencyGrants, access=Access.OFFICERS,
    ),
    Route(
        "GET", f"{_AGENCY}/hearing", "readAgencyHearing", "Whom its officers could hear, and who them",
        hearing.of_officers, models.Hearing, access=Access.OFFICERS, query=models.HearingFilter,
    ),
    Route(
        "GET", "/admin/agencies", "listAgencies", "All agencies, and the keys that they sign with",
        admin.agencies, models.KeptAgencies, access=Access.ADMINS,
    ),
    Route(
        "GET", "/admin/accounts", "listAccounts", "The local accounts of staff",
        admin.accounts, models.Accounts, access=Access.ADMINS,
    ),
    Route(
        "POST", "/admin/accounts", "inviteAccount", "A local account, and the link with which it is taken up",
        admin.invite, models.AccountInvitation, 201, access=Access.ADMINS, body=models.NewAccount,
        statuses=_CONFLICT,
    ),
    Route(
        "POST", f"{_ACCOUNT}/link", "renewAccount", "A link to a new password and second factor",
        admin.renew, models.AccountInvitation, 201, access=Access.ADMINS, statuses=(404,),
    ),
    Route(
        "PATCH", _ACCOUNT, "lockAccount", "Lock an account, or open it again",
        admin.lock, models.Account, access=Access.ADMINS, body=models.AccountChange, statuses=(404,),
    ),
    Route(
        "DELETE", _ACCOUNT, "removeAccount", "Take an account away, and sign its person out",
        admin.remove, None, 204, access=Access.ADMINS, statuses=(404,),
    ),
    Route(
        "GET", "/admin/sessions", "listSessions", "Who is signed in as staff",
        admin.sessions, models.Sessions, access=Access.ADMINS,
    ),
    Route(
        "DELETE", "/admin/sessions/{session}", "endSession", "Sign somebody out",
        admin.end_session, None, 204, access=Access.ADMINS, statuses=(404,),
    ),
    Route(
        "GET", f"{_AGENCY}/ledger", "readAgencyLedger", "The interpreting that an agency pays for",
        ledger.of_agency, models.Ledger, access=Access.AGENCIES, query=models.LedgerFilter, statuses=(503,),
    ),
    Route(
        "GET", "/ledger", "readLedger", "The interpreting that agencies pay for; a host sees their own sites",
        ledger.index, models.Ledger, access=Access.ACCOUNTS, query=models.LedgerFilter, statuses=(503,),
    ),
    Route(
        "POST", token.PATH, "redeemCode", "An access token for a one-time code, or for an agency's assertion",
        token.redeem, models.AccessToken, access=Access.OPEN, body=models.Code, form=models.TokenForm,
        statuses=(403, 404, 409, 410), oauth=True,
    ),
    Route(
        "POST", "/links", "readLink", "For whom a one-time link or a token is, and for what; uses up nothing",
        token.whose, models.LinkInfo, access=Access.OPEN, body=models.Way, statuses=(401, 403, 404, 410),
    ),
    Route(
        "POST", "/staff/session", "signIn", "Sign in with a single-use staff link",
        staff.sign_in, models.StaffSession, access=Access.OPEN, body=models.Code, statuses=(404, 410),
    ),
    Route(
        "POST", "/staff/password", "signInWithPassword", "Sign in with a local account",
        staff.sign_in_with_password, models.StaffSession, access=Access.OPEN, body=models.Password,
        statuses=(401, 403),
    ),
    Route(
        "POST", "/staff/account/link", "readAccountLink", "For whom a link to an account is",
        staff.welcome, models.AccountWelcome, access=Access.OPEN, body=models.Code, statuses=(404,),
    ),
    Route(
        "POST", "/staff/account", "takeUpAccount", "Choose a password, take up the second factor, sign in",
        staff.take_up, models.StaffSession, access=Access.OPEN, body=models.TakeUp, statuses=(403, 404),
    ),
    Route(
        "GET", "/staff/sign-in", "listSignInWays", "How one can sign in",
        staff.ways, models.SignInWays, access=Access.OPEN,
    ),
    Route(
        "GET", "/staff/sessions", "listStaffSessions", "Where the caller is signed in",
        staff.sessions, models.OwnSessions, access=Access.SIGNED_IN,
    ),
    Route(
        "DELETE", "/staff/sessions/{session}", "endStaffSession", "Sign out there",
        staff.end_session, None, 204, access=Access.SIGNED_IN,
    ),
    Route(
        "GET", "/staff/session", "readStaffSession", "Who is signed in",
        staff.show, models.StaffSession, access=Access.SIGNED_IN,
    ),
    Route(
        "DELETE", "/staff/session", "signOut", "Sign out",
        staff.sign_out, None, 204, access=Access.OPEN, statuses=(403,),
    ),
    Route(
        "GET", "/pool", "readPool", "The rooms that wait for an interpreter, and one's own; waits for news",
        pool.board, models.PoolBoard, access=Access.INTERPRETERS, query=models.PoolQuery,
    ),
    Route(
        "PUT", "/pool/me", "describeInterpreter", "One's languages and kind, and until when one is called",
        pool.describe, models.PoolBoard, access=Access.INTERPRETERS, body=models.PoolChange,
    ),
    Route(
        "POST", "/pool/calls/{call}/accept", "acceptCall", "Come to a room that waits; the first one does",
        pool.accept, models.PoolRoom, access=Access.INTERPRETERS, statuses=(404, 409),
    ),
    Route(
        "POST", "/pool/rooms/{meeting}/token", "enterRoom", "An access token to a room of one's own",
        pool.admit, models.AccessToken, 201, access=Access.INTERPRETERS, statuses=(404,),
    ),
    Route(
        "PUT", "/pool/floor", "takeFloor", "Be heard in this room and hear it, and leave the others alone",
        pool.hop, models.PoolBoard, access=Access.INTERPRETERS, body=models.Floor, statuses=(404, 409),
    ),
    Route(
        "POST", "/pool/links", "inviteInterpreter", "A single-use link with which an interpreter signs in",
        pool.invite, models.PoolLink, 201, access=Access.POOL_KEEPERS, body=models.NewPoolLink,
    ),
    Route(
        "GET", "/screens", "listScreens", "The screens at the offices of the caller",
        screens.index, models.Screens,
    ),
    Route(
        "POST", "/screens", "pairScreen", "Make a screen the office's own, by the code that it shows",
        screens.pair, models.Screen, 201, body=models.NewScreen, statuses=(404, 409),
    ),
    Route(
        "DELETE", "/screens/{screen}", "forgetScreen", "Take back a screen, and what it shows",
        screens.forget, None, 204, statuses=(404,),
    ),
    Route(
        "PUT", "/screens/{screen}/meeting", "showOnScreen", "Open a meeting on a screen, or nothing",
        screens.show, models.Screen, body=models.ScreenMeeting, statuses=(404, 409),
    ),
    Route(
        "POST", f"{screens.PATH}/code", "beginPairing", "A code for a new screen to show",
        screens.begin, models.ScreenCode, 201, access=Access.OPEN, statuses=(403, 409),
    ),
    Route(
        "GET", screens.PATH, "askScreen", "What this screen is to do; waits for news",
        screens.ask, models.ScreenTask, access=Access.OPEN, query=models.ScreenQuery, statuses=(401, 429),
    ),
    Route(
        "POST", f"{screens.PATH}/invitation", "openOnScreen", "A one-time link to what this screen shows",
        screens.open_meeting, models.Invitation, 201, access=Access.OPEN, statuses=(403, 409, 410),
    ),
    Route(
        "POST", connection.PATH, "beginConnectionTest", "A path to media that carries nothing, for a minute",
        connection.begin, models.ConnectionTest, 201, access=Access.OPEN, statuses=(403, 503),
    ),
    Route(
        "POST", f"{connection.PATH}/line", "measureLine", "As many letters of chance as are asked for",
        connection.measure, models.LineMeasured, access=Access.OPEN, body=models.LineMeasure, statuses=(403,),
    ),
    Route(
        "GET", "/catalogue", "readCatalogue", "Sites, routes, agencies and languages to choose from",
        service.catalogue, models.CatalogueData, access=Access.SIGNED_IN,
    ),
    Route(
        "GET", "/openapi.json", "readOpenapi", "This document",
        service.openapi, models.Document, access=Access.OPEN,
    ),
    Route(
        "GET", "/asyncapi.json", "readAsyncapi", "The WebSocket's document",
        service.asyncapi_document, models.Document, access=Access.OPEN,
    ),
    Route(
        "GET", "/healthz", "checkHealth", "The process answers",
        service.healthy, models.Health, access=Access.OPEN, prefix="",
    ),
    Route(
        "GET", "/readyz", "checkReadiness", "Meetings can be held",
        service.ready, models.Health, access=Access.OPEN, prefix="",
    ),
)  # fmt: skip
