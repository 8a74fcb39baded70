#!/bin/sh
# The machine's own name; everything else about it is the real machine's.
echo @NAME@
