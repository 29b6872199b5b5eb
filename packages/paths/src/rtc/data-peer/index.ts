/** The door of the data peer: the engine for paths, and the whole peer for measurements and tests. */

export { createAnsweringDataPeer, createDataPeer } from "./create-data-peer.ts";
export { DataPeer, type DataPeerHandlers, type DataPeerOptions } from "./data-peer.ts";
