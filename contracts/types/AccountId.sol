// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An account: the owner's address in the first 20 bytes, the sub-account's number in the last 12.
/// @dev
///   255                          96 95                 0
///   +------------------------------+-------------------+
///   | owner (address)              | sub-account       |
///   +------------------------------+-------------------+
/// No registry is needed: distinct (owner, sub-account) pairs are distinct ids by construction.
type AccountId is bytes32;

using {ownerOf, subAccountOf, equal as ==, notEqual as !=} for AccountId global;

/// @notice The account of an owner with the given sub-account number.
function accountIdOf(address owner, uint96 subAccount) pure returns (AccountId) {
    return AccountId.wrap(bytes32((uint256(uint160(owner)) << 96) | subAccount));
}

/// @notice The address that owns the account.
function ownerOf(AccountId account) pure returns (address) {
    return address(bytes20(AccountId.unwrap(account)));
}

/// @notice The sub-account's number.
function subAccountOf(AccountId account) pure returns (uint96) {
    return uint96(uint256(AccountId.unwrap(account)));
}

function equal(AccountId a, AccountId b) pure returns (bool) {
    return AccountId.unwrap(a) == AccountId.unwrap(b);
}

function notEqual(AccountId a, AccountId b) pure returns (bool) {
    return AccountId.unwrap(a) != AccountId.unwrap(b);
}
