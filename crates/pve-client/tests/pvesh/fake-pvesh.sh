#!/bin/sh
# Stands in for pvesh: notes its arguments, then does what the test wrote beside it.
here=$(dirname "$0")
echo "$*" >> "$here/calls"
. "$here/do"
