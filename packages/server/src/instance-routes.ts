/**
 * Link instances over REST, in the shapes that shipped pages expect.
 *
 *     GET    /api/link             → LinkInstance[], the caller's only
 *     POST   /api/link  {} | {id}  → CreatedInstance; {id} gives that instance a new short key
 *     PUT    /api/link  {id, name} → {id, name}
 *     DELETE /api/link?id=1        → {success: true}
 *     GET    /api/link/1/peers     → {peers, pairing}: who is there, and who was at the pairing
 *
 * Keys appear in answers to their owner and nowhere else.
 */

import {
  BeelineError,
  type CreatedInstance,
  type LinkInstance,
  type LinkPeer,
  type LinkPeers,
  REST_PATH,
} from "@beeline/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Instances } from "./instances.ts";
import { networkOf } from "./ip-address.ts";
import { plainText } from "./plain-text.ts";
import { readInput } from "./read-input.ts";
import type { RoomDirectory } from "./room-directory.ts";
import type { Instance, Witness } from "./store.ts";
import type { Accounts } from "./users.ts";

/** New instances per address: 60 at once, then one in ten seconds. Rows are 500 bytes: 4 MB a day. */
const CREATIONS = { capacity: 60, perSecond: 0.1 };

const InstanceId = z.number().int().positive();
const PostBody = z.object({ id: InstanceId.optional() });
const Name = z.string().max(1_000).transform(plainText).pipe(z.string().trim().min(1).max(80));
const PutBody = z.object({ id: InstanceId, name: Name });
const IdInUrl = z.object({ id: z.coerce.number().pipe(InstanceId) });

export interface InstanceRoutesOptions {
  readonly instances: Instances;
  readonly accounts: Accounts;
  readonly rooms: Pick<RoomDirectory, "buckets">;
  readonly onLimited: (limit: string) => void;
}

export function serveInstances(app: FastifyInstance, options: InstanceRoutesOptions): void {
  const { instances, accounts, rooms, onLimited } = options;
  const creations = rooms.buckets("creations", CREATIONS);
  const owner = async (request: FastifyRequest) =>
    (await accounts.callerOf(request.headers)) ?? notFound();

  app.get(REST_PATH, async (request): Promise<LinkInstance[]> => {
    const userId = await accounts.callerOf(request.headers);
    return userId === undefined ? [] : (await instances.list(userId)).map(shown);
  });

  app.post(REST_PATH, async (request, reply): Promise<CreatedInstance> => {
    const { id } = readInput(PostBody, request.body ?? {});
    if (!(await creations.take(networkOf(request.ip)))) {
      onLimited("creations");
      throw new BeelineError("RATE_LIMITED", "too many new links from this address");
    }
    const { userId, setCookie } = await accounts.welcome(
      request.headers,
      request.protocol === "https",
    );
    if (setCookie !== undefined) reply.header("set-cookie", setCookie);
    const counted =
      id === undefined
        ? await instances.create(userId, request.headers.origin ?? null)
        : await instances.rekey(userId, id);
    const { instance, count } = counted ?? notFound();
    return {
      id: instance.id,
      key: instance.key,
      instanceCount: count,
      instanceLimit: instances.limit,
      name: instance.name,
    };
  });

  app.put(REST_PATH, async (request) => {
    const { id, name } = readInput(PutBody, request.body);
    const renamed = (await instances.rename(await owner(request), id, name)) ?? notFound();
    return { id: renamed.id, name: renamed.name };
  });

  app.delete(REST_PATH, async (request) => {
    const { id } = readInput(IdInUrl, request.query);
    if (!(await instances.remove(await owner(request), id))) notFound();
    return { success: true };
  });

  app.get(`${REST_PATH}/:id/peers`, async (request): Promise<LinkPeers> => {
    const { id } = readInput(IdInUrl, request.params);
    const { peers, pairing } = (await instances.peers(await owner(request), id)) ?? notFound();
    return {
      peers: peers.map(seen),
      pairing: pairing && { at: iso(pairing.atMs), peers: pairing.peers.map(seen) },
    };
  });
}

/** Another one's instance and one that does not exist look the same. */
function notFound(): never {
  throw new BeelineError("LINK_KEY_UNKNOWN", "you have no such link instance");
}

function shown(instance: Instance): LinkInstance {
  return {
    id: instance.id,
    key: instance.key,
    name: instance.name,
    activated: instance.activated,
    origin: instance.origin,
    // Pairing through a site's own sign-in does not exist here; shipped pages read the field.
    oauthPaired: false,
    createdAt: iso(instance.createdAtMs),
  };
}

function seen({ role, kind, name, address, isOwner, sinceMs }: Witness): LinkPeer {
  return { role, kind, name, address, isOwner, since: iso(sinceMs) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
