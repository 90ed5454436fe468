/** The part of the API's description that is about setting up the box on its page. Pure. */
import { about, flag, type Json, list, number, object, oneOf, orNull, reference, text, texts } from './open_api_shapes.ts';

const failure = { $ref: '#/components/responses/Failure' };
const answer = (description: string, schema?: Json): Json => ({
  description,
  ...(schema === undefined ? {} : { content: { 'application/json': { schema } } }),
});
const body = (properties: Json): Json => ({
  required: true,
  content: { 'application/json': { schema: object(properties) } },
});
const done = (summary: string): Json => ({ summary, responses: { 204: answer('Done'), default: failure } });

const form = object(
  {
    ...texts('site', 'hostName', 'managementPort'),
    mirrorPorts: list(text),
    ipv4: oneOf(['dhcp', 'static', 'off']),
    ipv6: oneOf(['auto', 'static', 'off']),
    addresses: list(text),
    gateways: list(text),
    dnsServers: list(text),
    vlan: number,
    timeServers: list(object({ host: text, nts: flag })),
    collector: object({
      host: about('Empty: none', text),
      port: number,
      transport: oneOf(['udp', 'tcp', 'tls']),
      ca: about('PEM; empty: as it is', text),
    }),
    broker: object({
      host: about('Empty: none', text),
      port: number,
      tls: flag,
      username: text,
      password: about('Never told; empty: as it is, where the host is the same', text),
      ca: about('PEM; empty: as it is', text),
    }),
    updateFolder: about('Told without what follows the origin; sent back as it was told, it stays', text),
  },
  'Settings by which a box is set up; what is not in it stays as it is',
);

const state = {
  isApplying: flag,
  trial: orNull(object({ who: text, leftMs: number })),
  last: orNull(object({ id: text, outcome: oneOf(['refused', 'failed', 'kept', 'undone']), reasons: list(text) })),
};

export const settingsSchemas: Json = {
  SetUpForm: form,
  SetUp: object({
    canApply: about('false: nobody applies settings here, the file is for an editor', flag),
    ...texts('file', 'fileFault', 'revision'),
    isNew: flag,
    form: reference('SetUpForm'),
    hasBrokerPassword: flag,
    ports: list(
      object({
        ...texts('name', 'mac', 'driver'),
        bus: oneOf(['platform', 'pci', 'usb', 'other']),
        wireless: flag,
        speedMbps: orNull(number),
        carrier: flag,
      }),
    ),
    suggested: object({ management: text, mirror: list(text), why: list(text) }),
    ...state,
  }),
};

const path = '/api/v1/settings';
export const settingsPaths: Json = {
  [path]: {
    get: {
      summary: 'The settings that a box is set up with, what it found of ports, and what is on trial (operator)',
      responses: { 200: answer('Now', reference('SetUp')), default: failure },
    },
    put: {
      summary: 'Apply a form; on trial first where it changes how the box is reached (admin, password within ten minutes)',
      requestBody: body({ form: reference('SetUpForm'), revision: text }),
      responses: { 202: answer('It is being applied', object({ id: text })), default: failure },
    },
  },
  [`${path}/state`]: {
    get: {
      summary: 'What is being applied or on trial, and what became of the last (operator)',
      responses: { 200: answer('Now', object(state)), default: failure },
    },
  },
  [`${path}/check`]: {
    post: {
      summary: 'What a form would make of the settings (operator)',
      requestBody: body({ form: reference('SetUpForm') }),
      responses: {
        200: answer(
          'Faults by field, changes, and YAML without secrets',
          object({
            faults: list(object({ field: text, index: number, message: text })),
            changes: list(object(texts('path', 'before', 'after'))),
            preview: text,
          }),
        ),
        default: failure,
      },
    },
  },
  [`${path}/keep`]: { post: done('Keep the settings that are on trial (admin)') },
  [`${path}/undo`]: { post: done('Go back to the former settings (admin)') },
};
