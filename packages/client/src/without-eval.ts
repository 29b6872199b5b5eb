/**
 * zod tries out `new Function` to compile its checks. A site whose Content-Security-Policy forbids
 * that would see a report on its console for every schema, so zod is told to do without.
 *
 * Imported before anything that makes a schema.
 */

import { z } from "zod";

z.config({ jitless: true });
