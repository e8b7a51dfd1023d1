// What the loaded libxenguest can do beyond its release. Our patches/ change
// neither its soname nor a symbol, so the headers cannot tell.
#pragma once

namespace xl_colo {

// Whether it knows a record by that name: the names are in a table of
// rec_type_to_str() in xg_sr_common.c, which stays in the library's data as
// text. False also where libxenguest is no library of its own, as in a static
// program or with arm-stubs/.
bool guest_library_knows_record(const char* name);

}  // namespace xl_colo
