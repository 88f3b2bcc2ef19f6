// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// What an owner may let an operator do; the bits are part of the public face.

// Sign orders, cancel them, settle variation.
uint8 constant TRADE = 1;
// Move tokens between the owner's accounts.
uint8 constant TRANSFER = 2;
// Take tokens out, to anywhere.
uint8 constant WITHDRAW = 4;
// Take over slices of accounts below the line.
uint8 constant LIQUIDATE = 8;
// All of them: higher bits mean nothing and are refused.
uint8 constant ALL_PERMISSIONS = 15;
