# Read behind a Makefile of the Xen tree: compile what it lists, link nothing.
# A library of 4.7 and later lists OBJS-y, tools/libxc and tools/libxl of 4.6
# have names of their own.

.PHONY: only-objects only-xl-objects only-headers only-shared-objects

only-objects: $(OBJS-y) $(XL_OBJS)
only-objects: $(CTRL_LIB_OBJS) $(GUEST_LIB_OBJS)
only-objects: $(LIBXL_OBJS) $(LIBXLU_OBJS) $(SAVE_HELPER_OBJS)

only-xl-objects: $(XL_OBJS)

only-headers: $(LIBHEADERS) $(AUTOINCS)

# Up to 4.17 there is no variable for the version script.
only-shared-objects: $(PIC_OBJS)
only-shared-objects: $(or $(version-script),libxen$(LIBNAME).map)
