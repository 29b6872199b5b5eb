/**
 * Keeps zod from compiling its schemas: the page's policy forbids `eval`, and even a try is reported
 * on the console. Must be imported before any module that makes a schema.
 */

import { config } from "zod";

config({ jitless: true });
