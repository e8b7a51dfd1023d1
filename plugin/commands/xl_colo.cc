#include "commands/program.h"

int main(int argc, char** argv)
{
    return xl_colo::run_program({argv, argv + argc});
}
