// Made by `npm run generate` from the document beside it. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** AddStation */
        AddStation: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Agency */
            agency: string;
            /**
             * Purpose
             * @default
             */
            purpose?: string;
            /**
             * Minutes
             * @default 20
             */
            minutes?: number;
            /**
             * Break After
             * @default 0
             */
            break_after?: number;
        };
        /** AddTerm */
        AddTerm: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Text */
            text: string;
            /** Language */
            language: string;
            /** Translation */
            translation: string;
            /** Into */
            into: string;
        };
        /** Agencies */
        Agencies: {
            /** Agencies */
            agencies: components["schemas"]["Choice"][];
        };
        /** AnswerConsent */
        AnswerConsent: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Question */
            question: string;
            /** Granted */
            granted: boolean;
        };
        /** AskConsent */
        AskConsent: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Kind
             * @default together
             * @constant
             */
            kind?: "together";
            /** Stations */
            stations: number[];
        };
        /** ByCall */
        ByCall: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Call */
            call: string;
        };
        /** ByHandover */
        ByHandover: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Handover */
            handover: string;
        };
        /** ById */
        ById: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Id */
            id: string;
        };
        /** ByParticipant */
        ByParticipant: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Participant */
            participant: string;
        };
        /** ByStation */
        ByStation: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Station */
            station: number;
        };
        /**
         * Call
         * @description `request`: a UUID of the client's making; a call repeated with it gives the first result again.
         */
        Call: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
        };
        /**
         * CallInterpreter
         * @description Whoever of the pool is available, has the language, is of the kind and accepts first comes.
         */
        CallInterpreter: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Language */
            language: string;
            /** @default spoken */
            kind?: components["schemas"]["Kind"];
        };
        /**
         * CallView
         * @description `place`: 1 for the one that is answered next.
         */
        CallView: {
            /** Id */
            id: string;
            /** Language */
            language: string;
            kind: components["schemas"]["Kind"];
            /**
             * Since
             * Format: date-time
             */
            since: string;
            /**
             * Lapses At
             * Format: date-time
             */
            lapses_at: string;
            /** Place */
            place: number | null;
        };
        /** ChangeStation */
        ChangeStation: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Station */
            station: number;
            /**
             * Purpose
             * @default null
             */
            purpose?: string | null;
            /**
             * Minutes
             * @default null
             */
            minutes?: number | null;
            /**
             * Break After
             * @default null
             */
            break_after?: number | null;
        };
        /**
         * Choice
         * @description An agency of the catalogue and what its stations can be about.
         */
        Choice: {
            /** Id */
            id: string;
            /** Name */
            name: {
                [key: string]: string;
            };
            /** Purposes */
            purposes: components["schemas"]["Purpose"][];
        };
        /**
         * ChooseMix
         * @description What the mix is to hold: the interpreter's voice over the floor, or the floor alone. `under`: how loud
         *     the floor is while somebody interprets over it, linear (0.1259 is −18 dB).
         */
        ChooseMix: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Preference
             * @default interpretation
             * @enum {string}
             */
            preference?: "interpretation" | "original";
            /**
             * Under
             * @default 0.1259
             */
            under?: number;
        };
        /** ConnectTransport */
        ConnectTransport: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Id */
            id: string;
            /** Dtlsparameters */
            dtlsParameters: {
                [key: string]: unknown;
            };
        };
        /** ConsentView */
        ConsentView: {
            /** Id */
            id: string;
            /** Kind */
            kind: string;
            /** Stations */
            stations: number[];
            /**
             * At
             * Format: date-time
             */
            at: string;
        };
        /** ConsumerClosed */
        ConsumerClosed: {
            /** Id */
            id: string;
        };
        /** CreateTransport */
        CreateTransport: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Direction
             * @enum {string}
             */
            direction: "send" | "recv";
            /**
             * Rtpcapabilities
             * @default null
             */
            rtpCapabilities?: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * Direction
         * @description `into` null hands the floor back. `source` null: whichever of the own languages is spoken.
         */
        Direction: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Into */
            into: string | null;
            /**
             * Source
             * @default null
             */
            source?: string | null;
        };
        /**
         * Drafts
         * @description Every unfinished line that the participant may read now, whole, and the device's own.
         */
        Drafts: {
            /** Drafts */
            drafts: components["schemas"]["Typed"][];
        };
        /** ExtendStation */
        ExtendStation: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Station */
            station: number;
            /** Minutes */
            minutes: number;
        };
        /**
         * FinishLine
         * @description The line as a whole, as it is kept. It was written letter by letter before.
         */
        FinishLine: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Line */
            line: string;
            /** Text */
            text: string;
        };
        /** Grants */
        Grants: {
            /** Grants */
            grants: components["schemas"]["LetIn"][];
        };
        /**
         * HandoverView
         * @description `due_at`: when it is done if it is accepted, or lapses if it is not.
         */
        HandoverView: {
            /** Id */
            id: string;
            /** Giver */
            giver: string;
            /** Taker */
            taker: string;
            /**
             * Offered At
             * Format: date-time
             */
            offered_at: string;
            /** Accepted At */
            accepted_at: string | null;
            /**
             * Due At
             * Format: date-time
             */
            due_at: string;
        };
        /** IceRestarted */
        IceRestarted: {
            /** Iceparameters */
            iceParameters: {
                [key: string]: unknown;
            };
        };
        /** IceServers */
        IceServers: {
            /** Ice Servers */
            ice_servers: {
                [key: string]: unknown;
            }[];
        };
        /**
         * InterpreterAtWork
         * @description `into` and `source`: the direction now; of one who is not `on_duty` the one they would take up.
         *     `relay`: the interpreter from whom this one works, None for the floor; `chosen`: what they asked for.
         *     `since`: when they came or took over.
         */
        InterpreterAtWork: {
            /** Participant */
            participant: string;
            /** Languages */
            languages: string[];
            /** Into */
            into: string | null;
            /** Source */
            source: string | null;
            mode: components["schemas"]["Mode"];
            /** Automatic */
            automatic: boolean;
            /** On Duty */
            on_duty: boolean;
            /** Relay */
            relay: string | null;
            chosen: components["schemas"]["Relay"];
            /** Since */
            since: string | null;
        };
        /**
         * InterpretingMode
         * @description `automatic`: the others' voices come back by themselves when the interpreter falls silent.
         */
        InterpretingMode: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Mode
             * @default null
             */
            mode?: ("consecutive" | "simultaneous") | null;
            /**
             * Automatic
             * @default null
             */
            automatic?: boolean | null;
        };
        /**
         * InterpretingView
         * @description `language`: what the viewer listens to; `heard`: who speaks into it now. `floor`: what may be spoken
         *     without an interpreter. `listeners` are for interpreters and hosts, `terms` for interpreters.
         */
        InterpretingView: {
            /** Language */
            language: string;
            /** Heard */
            heard: string | null;
            /** Floor */
            floor: string[];
            /** Interpreters */
            interpreters: components["schemas"]["InterpreterAtWork"][];
            /** Listeners */
            listeners: components["schemas"]["Listener"][];
            handover: components["schemas"]["HandoverView"] | null;
            /** Terms */
            terms: components["schemas"]["TermView"][];
        };
        /** Invite */
        Invite: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            role: components["schemas"]["Role"];
            /**
             * Agency
             * @default null
             */
            agency?: string | null;
            /**
             * Station
             * @default null
             */
            station?: number | null;
            /**
             * Name
             * @default null
             */
            name?: string | null;
            /**
             * Language
             * @default null
             */
            language?: string | null;
            /** @default null */
            kind?: components["schemas"]["Kind"] | null;
            /**
             * Participant
             * @default null
             */
            participant?: string | null;
        };
        /** Invited */
        Invited: {
            /** Id */
            id: string;
            /** Participant */
            participant: string;
            /** Code */
            code: string;
            /** Url */
            url: string;
            /**
             * Expires At
             * Format: date-time
             */
            expires_at: string;
        };
        /**
         * Join
         * @description `slot`: a newcomer may have a screen and a phone at once; a second device in a slot takes over.
         *     `mixes` false: the device cannot make one sound of several, and asks for one consumer of all sound.
         *     `rtpCapabilities`: what it can receive; then its transport for that is made along with joining.
         */
        Join: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Token */
            token: string;
            /**
             * Slot
             * @default screen
             * @enum {string}
             */
            slot?: "screen" | "phone";
            /**
             * Mixes
             * @default true
             */
            mixes?: boolean;
            /**
             * Rtpcapabilities
             * @default null
             */
            rtpCapabilities?: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * Joined
         * @description `mixed`: the service makes one sound for this device. `receiving`: for who told what it can receive;
         *     null where it could not be made, then `media.createTransport` tells why.
         */
        Joined: {
            /** Participant */
            participant: string;
            /** Session */
            session: string;
            /** Secret */
            secret: string;
            /** Last Event */
            last_event: number;
            media: components["schemas"]["StandingMedia"];
            /** Mixed */
            mixed: boolean;
            snapshot: components["schemas"]["Snapshot"];
            /** Ice Servers */
            ice_servers: {
                [key: string]: unknown;
            }[];
            /** Router Rtp Capabilities */
            router_rtp_capabilities: {
                [key: string]: unknown;
            };
            /** @default null */
            receiving?: components["schemas"]["Receiving"] | null;
        };
        /**
         * Kind
         * @description What an interpreter puts their words into: speech, sign language, or writing.
         * @enum {string}
         */
        Kind: "spoken" | "sign" | "text";
        /**
         * LayersNeeded
         * @description `layers`: those of the encodings of the device's own producer that somebody needs, by their place. The
         *     others are not to be sent until this comes again.
         */
        LayersNeeded: {
            /** Id */
            id: string;
            /** Layers */
            layers: number[];
        };
        /**
         * LetIn
         * @description Somebody who is there or can come. `by`: what lets them in; `until`: a link that is not used yet;
         *     `devices`: those that are connected.
         */
        LetIn: {
            /** Participant */
            participant: string;
            role: components["schemas"]["Role"];
            /** Name */
            name: string;
            /** Agency */
            agency: string | null;
            /** Agency Name */
            agency_name: {
                [key: string]: string;
            };
            /** Station */
            station: number | null;
            phase: components["schemas"]["Phase"];
            /** By */
            by: ("link" | "screen" | "staff" | "assertion" | "pool")[];
            /** Until */
            until: string | null;
            /** Devices */
            devices: string[];
            /** Revocable */
            revocable: boolean;
        };
        /** LineView */
        LineView: {
            /** Line */
            line: string;
            /**
             * At
             * Format: date-time
             */
            at: string;
            /** Sender */
            sender: string;
            /** Sender Name */
            sender_name: string;
            role: components["schemas"]["Role"];
            kind: components["schemas"]["Kind"] | null;
            /** Text */
            text: string;
            /** Language */
            language: string;
            /** Station */
            station: number | null;
            /** Corrects */
            corrects: string | null;
        };
        /** Listen */
        Listen: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Language */
            language: string;
        };
        /** Listener */
        Listener: {
            /** Participant */
            participant: string;
            /** Language */
            language: string;
        };
        /**
         * MediaReport
         * @description What the device went through since it said so last. `freezes`: how often a picture stood still;
         *     `concealed`: share of the sound that its browser had to make up.
         */
        MediaReport: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Freezes */
            freezes: number;
            /** Concealed */
            concealed: number;
        };
        /**
         * MediaReset
         * @description All media of the device is gone, the session stands: new transports are to be made. `reason`:
         *     worker_lost.
         */
        MediaReset: {
            /** Reason */
            reason: string;
        };
        /**
         * MeetingEvent
         * @description `number` counts what this participant has been told. `changes` holds every section of the snapshot that
         *     has changed for them; a `view_changed` has nothing but changes and repeats the number before it.
         */
        MeetingEvent: {
            /** Number */
            number: number;
            /** Type */
            type: string;
            /**
             * At
             * Format: date-time
             */
            at: string;
            /** Data */
            data: {
                [key: string]: unknown;
            };
            /** Changes */
            changes: {
                [key: string]: unknown;
            };
        };
        /**
         * MeetingView
         * @description `state`: planned, open, paused or ended. `time_zone`: the site's, in which every time of the meeting is
         *     shown.
         */
        MeetingView: {
            /** Id */
            id: string;
            /** Site */
            site: string;
            /** Site Name */
            site_name: string;
            /** Time Zone */
            time_zone: string;
            /** Alias */
            alias: string | null;
            people: components["schemas"]["Party"] | null;
            /** Languages */
            languages: string[];
            /** Planned At */
            planned_at: string | null;
            /** Route */
            route: string | null;
            /** Room */
            room: string | null;
            /** State */
            state: string;
            /** Paused Since */
            paused_since: string | null;
            /** Interpreter */
            interpreter: string | null;
        };
        /** MessageView */
        MessageView: {
            /** Id */
            id: string;
            /**
             * At
             * Format: date-time
             */
            at: string;
            /** Sender */
            sender: string;
            /** Sender Name */
            sender_name: string;
            role: components["schemas"]["Role"];
            /** Text */
            text: string;
            /** Station */
            station: number | null;
            /** Line */
            line: string | null;
        };
        /**
         * Mode
         * @description Consecutive: the interpreter speaks when the others pause. Simultaneous: over their voices.
         * @enum {string}
         */
        Mode: "consecutive" | "simultaneous";
        /** MoveStation */
        MoveStation: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Station */
            station: number;
            /** Position */
            position: number;
        };
        /**
         * NewConsumer
         * @description `source` mix, which only who asked for it gets: all that is heard in one, of nobody in particular.
         *     `flows`: it begins by itself when the transport is connected; any other at `media.resumeConsumer`.
         */
        NewConsumer: {
            /** Id */
            id: string;
            /** Producer */
            producer: string;
            /** Participant */
            participant: string;
            /** Source */
            source: ("camera" | "microphone" | "screen" | "interpretation") | "mix";
            /**
             * Kind
             * @enum {string}
             */
            kind: "audio" | "video";
            /** Rtpparameters */
            rtpParameters: {
                [key: string]: unknown;
            };
            /**
             * Flows
             * @default false
             */
            flows?: boolean;
        };
        /** Nothing */
        Nothing: Record<string, never>;
        /** OfferHandover */
        OfferHandover: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Taker */
            taker: string;
        };
        /**
         * OfficerView
         * @description `came`: has opened the link and been here, now or before.
         */
        OfficerView: {
            /** Participant */
            participant: string;
            /** Name */
            name: string;
            /** Present */
            present: boolean;
            /** Ready */
            ready: boolean;
            /** Came */
            came: boolean;
        };
        /** ParticipantView */
        ParticipantView: {
            /** Id */
            id: string;
            role: components["schemas"]["Role"];
            kind: components["schemas"]["Kind"] | null;
            /** Name */
            name: string;
            /** Agency */
            agency: string | null;
            /** Station */
            station: number | null;
            /** Language */
            language: string;
            place: components["schemas"]["Place"];
            phase: components["schemas"]["Phase"];
            /** Ready */
            ready: boolean;
            /** Present */
            present: boolean;
            /** Since */
            since: string | null;
            /** Excluded */
            excluded: boolean;
        };
        /**
         * Party
         * @description The newcomer's people as numbers; a meeting carries no identity of theirs but an alias.
         */
        Party: {
            /**
             * Adults
             * @default 1
             */
            adults?: number;
            /**
             * Children
             * @default 0
             */
            children?: number;
        };
        /**
         * Phase
         * @description Where a participant stands, derived from the state of the meeting and never stored.
         * @enum {string}
         */
        Phase: "lobby" | "room" | "finished";
        /**
         * PictureGot
         * @description The layer that a person gets of a picture, without whose it is: the `spatial`th of so many sizes, and
         *     its frames up to the `temporal`th layer of so many, both from 0.
         */
        PictureGot: {
            /** Source */
            source: string;
            /** Spatial */
            spatial: number;
            /** Spatial Layers */
            spatial_layers: number;
            /** Temporal */
            temporal: number;
            /** Temporal Layers */
            temporal_layers: number;
        };
        /**
         * Place
         * @enum {string}
         */
        Place: "on_site" | "elsewhere";
        /**
         * PoolView
         * @description `elsewhere`: an interpreter has been given to this meeting, and is in another room now; nobody else
         *     interprets here.
         */
        PoolView: {
            /** Calls */
            calls: components["schemas"]["CallView"][];
            /** Elsewhere */
            elsewhere: boolean;
        };
        /** Produce */
        Produce: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Transport */
            transport: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "audio" | "video";
            /** Rtpparameters */
            rtpParameters: {
                [key: string]: unknown;
            };
            /**
             * Source
             * @enum {string}
             */
            source: "camera" | "microphone" | "screen" | "interpretation";
        };
        /** Produced */
        Produced: {
            /** Id */
            id: string;
        };
        /**
         * ProducerClosed
         * @description One of the device's own producers has been ended for it. `reason`: replaced, when somebody else shows
         *     their screen now.
         */
        ProducerClosed: {
            /** Id */
            id: string;
            /** Reason */
            reason: string;
        };
        /** Purpose */
        Purpose: {
            /** Id */
            id: string;
            /** Text */
            text: {
                [key: string]: string;
            };
        };
        /**
         * Quality
         * @description `level`: good, fair or poor; `loss`: share of this person's packets that never came; `rtt` and `jitter`
         *     in seconds; `bitrate` of what this person sends, bit/s; `sends`, `sources`: kinds and sources that came
         *     through in the last seconds; `freezes`, `concealed`: what this person's own device went through, null
         *     while it has not said.
         */
        Quality: {
            /** Participant */
            participant: string;
            /**
             * Level
             * @enum {string}
             */
            level: "good" | "fair" | "poor";
            /** Loss */
            loss: number;
            /** Rtt */
            rtt: number | null;
            /** Sends */
            sends: ("audio" | "video")[];
            /** Sources */
            sources: string[];
            /** Jitter */
            jitter: number | null;
            /** Bitrate */
            bitrate: number;
            /** Freezes */
            freezes: number | null;
            /** Concealed */
            concealed: number | null;
            /** Pictures */
            pictures: components["schemas"]["PictureGot"][];
        };
        /**
         * QualityTold
         * @description Every few seconds, of those whom one hears and of oneself; a host is told of everybody.
         */
        QualityTold: {
            /** People */
            people: components["schemas"]["Quality"][];
        };
        /** QuestionView */
        QuestionView: {
            /** Id */
            id: string;
            /** Kind */
            kind: string;
            /** Stations */
            stations: number[];
            /**
             * Asked At
             * Format: date-time
             */
            asked_at: string;
            /**
             * Lapses At
             * Format: date-time
             */
            lapses_at: string;
        };
        /** QueueView */
        QueueView: {
            /** Place */
            place: number;
            /** Expected Start */
            expected_start: string | null;
        };
        /**
         * ReadTranscript
         * @description `before`: the lines before that one; without it, the newest.
         */
        ReadTranscript: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Before
             * @default null
             */
            before?: string | null;
        };
        /** Ready */
        Ready: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Ready */
            ready: boolean;
        };
        /**
         * Receiving
         * @description `consumers`: all that there is to receive now. They flow, so they are to be set up together, before the
         *     transport is connected.
         */
        Receiving: {
            transport: components["schemas"]["TransportCreated"];
            /** Consumers */
            consumers: components["schemas"]["NewConsumer"][];
        };
        /**
         * Relay
         * @description What an interpreter works from. Automatic: another interpreter's voice where what is spoken is none of
         *     the own languages.
         * @enum {string}
         */
        Relay: "automatic" | "floor" | "interpreter";
        /** RemoveTerm */
        RemoveTerm: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Term */
            term: string;
        };
        /** Resume */
        Resume: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Session */
            session: string;
            /** Secret */
            secret: string;
            /**
             * Last Event
             * @default 0
             */
            last_event?: number;
        };
        /** RevokeConsent */
        RevokeConsent: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Consent */
            consent: string;
        };
        /**
         * Role
         * @enum {string}
         */
        Role: "newcomer" | "host" | "officer" | "interpreter" | "companion" | "attendee";
        /** SendMessage */
        SendMessage: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Text */
            text: string;
            /**
             * To
             * @default null
             */
            to?: string | null;
        };
        /**
         * SentAwayView
         * @description `by`: newcomer or host; null when it was neither of them.
         */
        SentAwayView: {
            /** Participant */
            participant: string;
            /** Name */
            name: string;
            by: components["schemas"]["Role"] | null;
        };
        /**
         * SessionClosed
         * @description `code`: replaced, removed, meeting_ended, shutting_down, slow_reader, …
         */
        SessionClosed: {
            /** Code */
            code: string;
            /** Reason */
            reason: string;
        };
        /** SetLanguage */
        SetLanguage: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Language */
            language: string;
        };
        /** SetPlace */
        SetPlace: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Place
             * @enum {string}
             */
            place: "on_site" | "elsewhere";
        };
        /**
         * SetPreferredLayers
         * @description The highest layers that the device has use for, 0 being the lowest. `first`: this picture is given what
         *     it needs before the others, and keeps its motion; for signs, which must be read.
         */
        SetPreferredLayers: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Id */
            id: string;
            /** Spatial */
            spatial: number;
            /**
             * Temporal
             * @default null
             */
            temporal?: number | null;
            /**
             * First
             * @default false
             */
            first?: boolean;
        };
        /** Signal */
        Signal: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Signal
             * @enum {string}
             */
            signal: "not_understood" | "slower" | "repeat" | "one_at_a_time" | "cannot_hear" | "hand" | "help" | "break";
        };
        /** Snapshot */
        Snapshot: {
            you: components["schemas"]["You"];
            meeting: components["schemas"]["MeetingView"];
            /** Stations */
            stations: components["schemas"]["StationView"][];
            /** Participants */
            participants: components["schemas"]["ParticipantView"][];
            /** Messages */
            messages: components["schemas"]["MessageView"][];
            question: components["schemas"]["QuestionView"] | null;
            /** Consents */
            consents: components["schemas"]["ConsentView"][];
            queue: components["schemas"]["QueueView"] | null;
            interpreting: components["schemas"]["InterpretingView"];
            pool: components["schemas"]["PoolView"];
            /**
             * Now
             * Format: date-time
             */
            now: string;
        };
        /** SpeakerLevel */
        SpeakerLevel: {
            /** Participant */
            participant: string;
            /** Level */
            level: number;
        };
        /** Speakers */
        Speakers: {
            /** Speakers */
            speakers: components["schemas"]["SpeakerLevel"][];
        };
        /**
         * StandingMedia
         * @description What the session still has of its media. The rest is gone and can be made anew; what the device does
         *     not know of, because an answer was lost, is here too.
         */
        StandingMedia: {
            /** Transports */
            transports: components["schemas"]["StandingTransport"][];
            /** Producers */
            producers: components["schemas"]["StandingProducer"][];
            /** Consumers */
            consumers: components["schemas"]["NewConsumer"][];
        };
        /**
         * StandingProducer
         * @description `layers`: those of its encodings that somebody needs, by their place; the others are not to be sent.
         */
        StandingProducer: {
            /** Id */
            id: string;
            /** Transport */
            transport: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "audio" | "video";
            /**
             * Source
             * @enum {string}
             */
            source: "camera" | "microphone" | "screen" | "interpretation";
            /** Layers */
            layers: number[];
        };
        /** StandingTransport */
        StandingTransport: {
            /** Id */
            id: string;
            /**
             * Direction
             * @enum {string}
             */
            direction: "send" | "recv";
        };
        /**
         * StationView
         * @description `stood_still`: seconds since its start during which the meeting was paused; a pause that goes on is not
         *     in it. `sent_away`: officers who have been removed, in the order of their invitations.
         */
        StationView: {
            /** Number */
            number: number;
            /** Position */
            position: number;
            /** Agency */
            agency: string;
            /** Agency Name */
            agency_name: {
                [key: string]: string;
            };
            /** Purpose */
            purpose: string;
            /** Purpose Text */
            purpose_text: {
                [key: string]: string;
            };
            /** State */
            state: string;
            /** Minutes */
            minutes: number;
            /** Started At */
            started_at: string | null;
            /** Ended At */
            ended_at: string | null;
            /** Expected Start */
            expected_start: string | null;
            /** Officers */
            officers: components["schemas"]["OfficerView"][];
            /** Sent Away */
            sent_away: components["schemas"]["SentAwayView"][];
            /** Break After */
            break_after: number;
            /** Stood Still */
            stood_still: number;
        };
        /** TermView */
        TermView: {
            /** Id */
            id: string;
            /** Author */
            author: string;
            /** Text */
            text: string;
            /** Language */
            language: string;
            /** Translation */
            translation: string;
            /** Into */
            into: string;
        };
        /**
         * TextGone
         * @description The unfinished line is not there any more: it is to be shown no longer, and its author begins anew.
         */
        TextGone: {
            /** Participant */
            participant: string;
            /** Line */
            line: string;
        };
        /**
         * Transcript
         * @description Finished lines, the newest last. `more`: there are earlier ones.
         */
        Transcript: {
            /** Lines */
            lines: components["schemas"]["LineView"][];
            /** More */
            more: boolean;
        };
        /** TransportCreated */
        TransportCreated: {
            /** Id */
            id: string;
            /** Iceparameters */
            iceParameters: {
                [key: string]: unknown;
            };
            /** Icecandidates */
            iceCandidates: {
                [key: string]: unknown;
            }[];
            /** Dtlsparameters */
            dtlsParameters: {
                [key: string]: unknown;
            };
        };
        /**
         * TypeText
         * @description One edit of a line: its first `keep` characters (code points), then `add`. `revision` counts the edits
         *     of a line from 1; one with `keep` 0 carries the whole line and may follow any earlier one. `corrects`: a
         *     finished line of one's own that this one is to stand in for.
         */
        TypeText: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Line */
            line: string;
            /** Revision */
            revision: number;
            /** Keep */
            keep: number;
            /** Add */
            add: string;
            /**
             * Language
             * @default null
             */
            language?: string | null;
            /**
             * Corrects
             * @default null
             */
            corrects?: string | null;
        };
        /**
         * Typed
         * @description An edit of a line that somebody writes, as in `text.type`.
         */
        Typed: {
            /** Participant */
            participant: string;
            /** Line */
            line: string;
            /** Revision */
            revision: number;
            /** Keep */
            keep: number;
            /** Add */
            add: string;
            /** Language */
            language: string;
            /** Corrects */
            corrects: string | null;
        };
        /** WithdrawQuestion */
        WithdrawQuestion: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Question */
            question: string;
        };
        /** WorkFrom */
        WorkFrom: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /**
             * Relay
             * @enum {string}
             */
            relay: "automatic" | "floor" | "interpreter";
        };
        /**
         * WorkingLanguages
         * @description `participant`: the interpreter, when the host says it for them.
         */
        WorkingLanguages: {
            /**
             * Request
             * @default null
             */
            request?: string | null;
            /** Languages */
            languages: string[];
            /**
             * Participant
             * @default null
             */
            participant?: string | null;
        };
        /** You */
        You: {
            /** Participant */
            participant: string;
            role: components["schemas"]["Role"];
            /** Name */
            name: string;
            /** Language */
            language: string;
            kind: components["schemas"]["Kind"] | null;
            /** Agency */
            agency: string | null;
            /** Station */
            station: number | null;
            place: components["schemas"]["Place"];
            phase: components["schemas"]["Phase"];
            /** Ready */
            ready: boolean;
            /** May */
            may: string[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
