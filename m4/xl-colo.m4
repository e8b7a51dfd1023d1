dnl What configure.ac asks for by name.

dnl XL_COLO_CXX20: gnu++20, because xenctrl.h refuses the strict ISO modes.
AC_DEFUN([XL_COLO_CXX20], [
    XL_COLO_STD_CXXFLAGS=-std=gnu++20
    AC_CACHE_CHECK([whether $CXX takes -std=gnu++20], [xl_colo_cv_cxx20], [
        xl_colo_saved=$CXXFLAGS
        CXXFLAGS="$CXXFLAGS $XL_COLO_STD_CXXFLAGS"
        AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
            #include <compare>
            #include <span>
            struct Number {
                int value;
                auto operator<=>(const Number&) const = default;
            };
        ]], [[
            return Number{1} < Number{2} ? 0 : 1;
        ]])], [xl_colo_cv_cxx20=yes], [xl_colo_cv_cxx20=no])
        CXXFLAGS=$xl_colo_saved
    ])
    AS_IF([test "$xl_colo_cv_cxx20" = no],
          [AC_MSG_ERROR([no C++20 compiler (Debian package g++, 10 or later)])])
    AC_SUBST([XL_COLO_STD_CXXFLAGS])
])

dnl XL_COLO_REQUIRE(VARIABLE, MODULE, DEBIAN-PACKAGE): a library that the
dnl program cannot do without. XL_COLO_REQUIRE_END names all that are missing
dnl at once.
AC_DEFUN([XL_COLO_REQUIRE], [
    PKG_CHECK_MODULES([$1], [$2], [], [
        AC_MSG_RESULT([no])
        xl_colo_missing="$xl_colo_missing
    $2 (Debian package $3)"
    ])
])

AC_DEFUN([XL_COLO_REQUIRE_END], [
    AS_IF([test -n "$xl_colo_missing"], [
        AC_MSG_ERROR([pkg-config does not find:$xl_colo_missing

On Debian "./bootstrap" installs what is needed. Elsewhere, a library in an
unusual place is found when PKG_CONFIG_PATH names its pkgconfig folder.])
    ])
])

dnl XL_COLO_WARNINGS: always on; errors only when asked for, so that a new
dnl compiler does not break an old release.
AC_DEFUN([XL_COLO_WARNINGS], [
    AC_ARG_ENABLE([gcc-warnings],
        [AS_HELP_STRING([--enable-gcc-warnings],
            [warnings of the compiler are errors])],
        [], [enable_gcc_warnings=no])
    XL_COLO_WARN_CXXFLAGS=
    xl_colo_saved=$CXXFLAGS
    for flag in -Wall -Wextra -Wcast-align -Wformat=2 -Wmissing-declarations \
            -Wnon-virtual-dtor -Woverloaded-virtual -Wshadow -Wundef; do
        CXXFLAGS="$xl_colo_saved -Werror $flag"
        AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
            [XL_COLO_WARN_CXXFLAGS="$XL_COLO_WARN_CXXFLAGS $flag"])
    done
    CXXFLAGS=$xl_colo_saved
    AS_IF([test "$enable_gcc_warnings" = yes],
          [XL_COLO_WARN_CXXFLAGS="$XL_COLO_WARN_CXXFLAGS -Werror"])
    AC_SUBST([XL_COLO_WARN_CXXFLAGS])
])

dnl XL_COLO_SANITIZERS: for the tests; checked by linking, because the runtime
dnl libraries are packages of their own on some systems.
AC_DEFUN([XL_COLO_SANITIZERS], [
    AC_ARG_ENABLE([sanitizers],
        [AS_HELP_STRING([--enable-sanitizers=LIST],
            [build with sanitizers: address,undefined or thread])],
        [], [enable_sanitizers=no])
    XL_COLO_SANITIZE_FLAGS=
    AS_IF([test "$enable_sanitizers" = yes],
          [enable_sanitizers=address,undefined])
    AS_IF([test "$enable_sanitizers" != no], [
        XL_COLO_SANITIZE_FLAGS="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=all"
        AC_MSG_CHECKING([whether $CXX links with -fsanitize=$enable_sanitizers])
        xl_colo_saved=$CXXFLAGS
        CXXFLAGS="$CXXFLAGS $XL_COLO_SANITIZE_FLAGS"
        AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])], [
            AC_MSG_RESULT([no])
            AC_MSG_ERROR([these sanitizers are not available together here])
        ])
        CXXFLAGS=$xl_colo_saved
    ])
    AC_SUBST([XL_COLO_SANITIZE_FLAGS])
])
